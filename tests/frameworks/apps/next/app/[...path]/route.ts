import { toNextHandler } from "downloadview/next";
import { dispatch } from "../../application.ts";

export const GET = toNextHandler(dispatch);
