import { toAstroHandler } from "downloadview/astro";
import { dispatch } from "../application.ts";

export const ALL = toAstroHandler(dispatch);
