import { log } from "../../../../server.ts";

export const loader = (): Response => Response.json(log);
