/** What a {@link ResponseReader} tells of one response, piece by piece. */
export interface ResponseEvents {
  onHead?(head: ResponseHead): unknown;
  /** A piece of the body. Its memory is used again after the call. */
  onBody?(bytes: Buffer): unknown;
  onEnd(response: FinishedResponse): void;
}

export interface ResponseHead {
  readonly status: number;
  /** The header section as it came, without the empty line. */
  readonly text: string;
}

export interface FinishedResponse extends ResponseHead {
  readonly bodyBytes: number;
}

type State = "head" | "body" | "chunk-size" | "chunk" | "chunk-end" | "trailer";

const HEAD_END = "\r\n\r\n";

/** Reads HTTP/1.1 responses one after the other, counts their bodies and keeps nothing of them. */
export class ResponseReader {
  readonly #events: ResponseEvents;
  #state: State = "head";
  #text = "";
  #head: ResponseHead = { status: 0, text: "" };
  #bodyBytes = 0;
  /** Bytes still to come of the body, or of the chunk. */
  #remaining = 0;

  constructor(events: ResponseEvents) {
    this.#events = events;
  }

  read(bytes: Buffer): void {
    let offset = 0;
    while (offset < bytes.length) offset = this.#readFrom(bytes, offset);
  }

  #readFrom(bytes: Buffer, offset: number): number {
    switch (this.#state) {
      case "head":
        return this.#readText(bytes, offset, HEAD_END, (text) => this.#beginResponse(text));
      case "body":
        return this.#readBody(bytes, offset, () => this.#endResponse());
      case "chunk-size":
        return this.#readText(bytes, offset, "\r\n", (text) => this.#beginChunk(text));
      case "chunk":
        return this.#readBody(bytes, offset, () => (this.#state = "chunk-end"));
      case "chunk-end":
        return this.#readText(bytes, offset, "\r\n", () => (this.#state = "chunk-size"));
      case "trailer":
        return this.#readText(bytes, offset, "\r\n", (text) => text === "" && this.#endResponse());
    }
  }

  /** Gathers text up to `end`, which may come in several pieces. */
  #readText(bytes: Buffer, offset: number, end: string, done: (text: string) => void): number {
    const found = this.#text === "" ? bytes.indexOf(end, offset, "latin1") : -1;
    if (found !== -1) {
      done(bytes.toString("latin1", offset, found));
      return found + end.length;
    }
    return this.#readSplitText(bytes, offset, end, done);
  }

  #readSplitText(bytes: Buffer, offset: number, end: string, done: (text: string) => void): number {
    const before = this.#text.length;
    this.#text += bytes.toString("latin1", offset);
    const found = this.#text.indexOf(end);
    if (found === -1) return bytes.length;
    const text = this.#text.slice(0, found);
    this.#text = "";
    done(text);
    return offset + found + end.length - before;
  }

  #beginResponse(text: string): void {
    const status = Number(text.slice(9, 12));
    this.#head = { status, text };
    this.#bodyBytes = 0;
    this.#events.onHead?.(this.#head);
    const length = headerOf(text, "content-length");
    if (status === 304 || status === 204) this.#endResponse();
    else if (length !== undefined) this.#beginBody(Number(length));
    else if (headerOf(text, "transfer-encoding") === "chunked") this.#state = "chunk-size";
    else throw new Error("A response with neither Content-Length nor chunks");
  }

  #beginBody(length: number): void {
    this.#remaining = length;
    this.#state = "body";
    if (length === 0) this.#endResponse();
  }

  #beginChunk(text: string): void {
    this.#remaining = Number.parseInt(text, 16);
    this.#state = this.#remaining === 0 ? "trailer" : "chunk";
  }

  #readBody(bytes: Buffer, offset: number, done: () => void): number {
    const end = Math.min(bytes.length, offset + this.#remaining);
    this.#remaining -= end - offset;
    this.#bodyBytes += end - offset;
    this.#events.onBody?.(bytes.subarray(offset, end));
    if (this.#remaining === 0) done();
    return end;
  }

  #endResponse(): void {
    this.#state = "head";
    this.#events.onEnd({ ...this.#head, bodyBytes: this.#bodyBytes });
  }
}

/** The value of a header field in a header section, if it is there. */
export function headerOf(text: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}:[ \\t]*([^\\r]*)`, "i").exec(text)?.[1];
}
