import type { APIRoute } from "astro";
import { send } from "downloadview/astro";
import { report } from "../../../../application.ts";

export const GET: APIRoute = (context) => send(context, report());
