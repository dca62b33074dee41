import { behindNginx } from "../../harness/nginx.ts";
import { start as startApp } from "../files/fastify-static.ts";

export const start = behindNginx(startApp);
