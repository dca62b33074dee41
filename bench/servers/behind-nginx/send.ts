import { behindNginx } from "../../harness/nginx.ts";
import { start as startApp } from "../files/send.ts";

export const start = behindNginx(startApp);
