import { toAstroHandler } from "downloadview/astro";
import { files } from "../../../../../server.ts";

export const ALL = toAstroHandler(files({ attachment: true }));
