import { json } from "@sveltejs/kit";
import { log } from "../../../../../server.ts";

export const GET = (): Response => json(log);
