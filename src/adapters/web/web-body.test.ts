import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { expect, it, vi } from "vitest";
import { VirtualFile } from "../../files/virtual-file.ts";
import type { DownloadOutcome } from "../../responses/delivery.ts";
import { DownloadResponse } from "../../responses/download-response.ts";
import { webResponse } from "./web-response.ts";

it("a body ends with its connection, also while its response waits in line behind that of an earlier request", async () => {
  const ends: DownloadOutcome["kind"][] = [];
  const closed = vi.fn();
  const bodies: Response[] = [];
  const server = createServer((_, outgoing: ServerResponse) => {
    const file = new VirtualFile("0123456789".repeat(10_000), { name: "a.txt" });
    const response = new DownloadResponse(file, { onFinish: ({ kind }) => void ends.push(kind) });
    // As @hono/node-server does, the response is made before it is its turn.
    void webResponse(response, new Request("http://localhost/"), { outgoing }).then((made) => bodies.push(made));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  server.on("connection", (socket) => void socket.once("close", closed));
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20));
  await vi.waitFor(() => expect(bodies).toHaveLength(20), { timeout: 10_000 });
  const warned = vi.fn();
  process.once("warning", warned);
  client.destroy();
  await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  await vi.waitFor(() => expect(ends).toEqual(Array.from({ length: 20 }, () => "aborted")), { timeout: 10_000 });
  expect(warned).not.toHaveBeenCalled();
  server.close();
});
