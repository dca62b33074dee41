import { generate } from "../../harness/generated.ts";
import type { StartServer } from "../../harness/running-server.ts";
import { listenWithSrvx } from "../../harness/srvx-server.ts";

export const start: StartServer = () =>
  listenWithSrvx({
    fetch: (request) => {
      const body = toWebStream(generate(new URL(request.url).pathname));
      return new Response(body, { headers: { "Content-Disposition": 'attachment; filename="generated.bin"' } });
    },
  });

const encoder = new TextEncoder();

function toWebStream(chunks: AsyncGenerator<Buffer<ArrayBuffer> | string>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === "string" ? encoder.encode(value) : value);
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
}
