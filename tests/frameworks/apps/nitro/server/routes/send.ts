import { send } from "downloadview/h3";
import { defineHandler } from "nitro/h3";
import { report } from "../../../../application.ts";

export default defineHandler((event) => send(event, report()));
