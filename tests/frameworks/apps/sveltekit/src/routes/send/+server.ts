import type { RequestHandler } from "@sveltejs/kit";
import { send } from "downloadview/sveltekit";
import { report } from "../../../../../application.ts";

export const GET: RequestHandler = (event) => send(event, report());
