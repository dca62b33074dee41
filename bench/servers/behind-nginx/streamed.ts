import { behindNginx } from "../../harness/nginx.ts";
import { start as startApp } from "../files/downloadview.ts";

/** The application sends the files itself, as it does where no rule matches. */
export const start = behindNginx(startApp);
