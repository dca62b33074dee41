import { createServer, type RequestListener } from "node:http";
import { Duplex } from "node:stream";
import { expect, it } from "vitest";
import { VirtualFile } from "../../files/virtual-file.ts";
import type { DownloadOutcome } from "../../responses/delivery.ts";
import { DownloadResponse } from "../../responses/download-response.ts";
import { toNodeHandler } from "./index.ts";

/** A connection whose writes fail, as when the client resets it. Writes that wait meanwhile fail with the first. */
class BrokenConnection extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: unknown, callback: (error: Error) => void): void {
    setImmediate(() => callback(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })));
  }
}

it.each([10, 100_000, 600_000, 2_000_000])(
  "a response of %i bytes whose write failed is not completed",
  async (size) => {
    const bytes = new Uint8Array(size);
    let end!: (outcome: DownloadOutcome) => void;
    const ended = new Promise<DownloadOutcome>((resolve) => (end = resolve));
    const view = async (): Promise<DownloadResponse> =>
      new DownloadResponse(new VirtualFile(bytes, { name: "a" }), { onFinish: end });
    const server = createServer(toNodeHandler(view) as RequestListener);
    const connection = new BrokenConnection();
    connection.on("error", () => undefined);
    server.emit("connection", connection);
    connection.push("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    const outcome = await ended;
    expect([outcome.kind, outcome.bytesSent]).toEqual(["aborted", 0]);
  },
);
