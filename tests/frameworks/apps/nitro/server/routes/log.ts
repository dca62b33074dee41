import { defineHandler } from "nitro/h3";
import { log } from "../../../../server.ts";

export default defineHandler(() => log);
