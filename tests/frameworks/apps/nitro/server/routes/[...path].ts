import { toH3Handler } from "downloadview/h3";
import { dispatch } from "../application.ts";

export default toH3Handler(dispatch);
