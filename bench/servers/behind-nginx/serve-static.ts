import { behindNginx } from "../../harness/nginx.ts";
import { start as startApp } from "../files/serve-static.ts";

export const start = behindNginx(startApp);
