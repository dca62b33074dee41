/** What runtimes other than Node need to send a length: each has a way of its own. */
interface RuntimeGlobals {
  /** workerd: a stream of a length, which it sends; a `Content-Length` field beside another stream it drops. */
  FixedLengthStream?: new (length: number) => { readable: ReadableStream<Uint8Array>; writable: WritableStream };
}

const { FixedLengthStream } = globalThis as RuntimeGlobals;

/** A stream whose length the runtime sends. */
export function withLength(stream: ReadableStream<Uint8Array>, length: number | undefined): ReadableStream<Uint8Array> {
  if (length === undefined || !FixedLengthStream) return stream;
  const fixed = new FixedLengthStream(length);
  // Both end for the same reasons, and no other code waits for them.
  stream.pipeTo(fixed.writable).catch(() => undefined);
  return fixed.readable;
}

/** Whether a class of responses is that of srvx on Node, which takes what has a `pipe` for a body. */
export function takesPipes(ResponseClass: typeof Response): boolean {
  return "_toNodeResponse" in ResponseClass.prototype;
}

/** What the constructor of `Response` is to be told besides: workerd would encode once more what is encoded already. */
export const responseInit: ResponseInit = FixedLengthStream ? ({ encodeBody: "manual" } as ResponseInit) : {};
