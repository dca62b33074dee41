import { toH3Handler } from "downloadview/h3";
import { files } from "../../../../../server.ts";

export default toH3Handler(files({ attachment: true }));
