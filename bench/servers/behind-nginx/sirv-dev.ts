import { behindNginx } from "../../harness/nginx.ts";
import { start as startApp } from "../files/sirv-dev.ts";

export const start = behindNginx(startApp);
