import type { ServerResponse } from "node:http";
import { closeBody, readBody, type ReadableBody, type RenderedResponse } from "../../responses/rendered-response.ts";
import { writeRendered } from "./write.ts";

/** What React's renderers have in place of a stream, and servers for them take as a body. */
export interface PipeableBody {
  /** Whether a response has taken the body. */
  readonly isPiped: boolean;
  pipe(destination: NodeJS.WritableStream): void;
  abort(): void;
  destroy(): void;
}

/**
 * A body for srvx, and so for h3 and Nitro, which pipe it into Node's response after they have sent the head. The response's own
 * writer then sends the bytes from recycled memory, which no web stream may do.
 */
export function pipeableBody(rendered: RenderedResponse, body: ReadableBody): PipeableBody {
  const leave = (error?: unknown): void => {
    rendered.delivery.abort(rendered.status, 0, error);
    void closeBody(body);
  };
  let isPiped = false;
  return {
    get isPiped() {
      return isPiped;
    },
    pipe(destination) {
      isPiped = true;
      const piped = isResponse(destination)
        ? writeRendered({ ...rendered, headers: [], status: destination.statusCode }, destination)
        : copyTo(destination, rendered, body);
      piped.then(report, (error: unknown) => {
        report(error);
        leave(error);
        (destination as Partial<ServerResponse>).destroy?.(error as Error);
      });
    },
    abort: () => leave(),
    destroy: () => leave(),
  };
}

// No framework reports the error of a body whose head was sent.
function report(failure: unknown): void {
  if (failure !== undefined) console.error(failure);
}

function isResponse(destination: NodeJS.WritableStream): destination is ServerResponse {
  return "headersSent" in destination && "writeHead" in destination;
}

/** For middleware that looks at the body: it sees a stream. */
async function copyTo(
  destination: NodeJS.WritableStream,
  { status, delivery }: RenderedResponse,
  body: ReadableBody,
): Promise<void> {
  let sent = 0;
  for await (const chunk of readBody(body)) {
    // One that is gone would neither take a chunk nor ever say that it has room.
    if (!destination.writable) break;
    sent += chunk.byteLength;
    if (!destination.write(chunk)) await drained(destination);
  }
  await closeBody(body);
  if (!destination.writable) return delivery.abort(status, sent);
  destination.end();
  delivery.finish(status, sent);
}

function drained(destination: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      destination.off("drain", settle).off("close", settle);
      resolve();
    };
    destination.on("drain", settle).on("close", settle);
  });
}
