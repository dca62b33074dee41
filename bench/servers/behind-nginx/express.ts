import { behindNginx } from "../../harness/nginx.ts";
import { start as startApp } from "../files/express.ts";

export const start = behindNginx(startApp);
