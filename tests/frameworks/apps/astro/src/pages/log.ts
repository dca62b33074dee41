import { log } from "../../../../server.ts";

export const GET = (): Response => Response.json(log);
