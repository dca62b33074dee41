import { application } from "../hono.ts";
import { memoryFiles } from "../memory.ts";

interface Environment {
  UPSTREAM: string;
}

let app: ReturnType<typeof application> | undefined;

export default {
  fetch(request: Request, { UPSTREAM: upstream }: Environment): Response | Promise<Response> {
    app ??= application({ files: memoryFiles, upstream, compresses: false });
    return app.fetch(request);
  },
};
