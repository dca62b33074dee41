import { send } from "downloadview/next";
import { report } from "../../../../application.ts";

export const GET = (request: Request): Promise<Response> => send(request, report());
