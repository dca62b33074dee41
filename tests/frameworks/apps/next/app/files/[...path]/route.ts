import { withMiddleware } from "downloadview";
import { toNextHandler } from "downloadview/next";
import { offload } from "../../../../../application.ts";
import { files } from "../../../../../server.ts";

const handler = toNextHandler(withMiddleware(files({ attachment: true }), offload));
export { handler as GET, handler as HEAD, handler as DELETE };
