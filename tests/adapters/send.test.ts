/** `send()` means the same everywhere: a missing file is the framework's own 404, another error is for its error handling. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { download, FileNotFoundError, UpstreamError } from "downloadview";
import { send as sendByExpress } from "downloadview/express";
import { send as sendByNode } from "downloadview/node";
import express, { type ErrorRequestHandler } from "express";
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from "vitest";

async function seenFrom(listener: Parameters<typeof createServer>[1]): Promise<[status: number, text: string]> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const text = await response.text();
  server.closeAllConnections();
  server.close();
  return [response.status, text];
}

const missing = async (): Promise<never> => {
  throw new FileNotFoundError();
};
const broken = async (): Promise<never> => {
  throw new UpstreamError(502, "Upstream failed", { cause: new Error("a secret") });
};

describe("send of Express, called and not awaited as in Express 4", () => {
  const application = (result: () => Promise<never>): express.Express => {
    const app = express();
    app.get("/", (request, response) => void sendByExpress(request, response, result()));
    app.use((_request, response) => void response.status(404).send("own 404"));
    app.use(((error: { status: number }, _request, response, _next) => {
      response.status(error.status).send("own error");
    }) satisfies ErrorRequestHandler);
    return app;
  };

  it("leaves a missing file to the next route", async () => {
    expect(await seenFrom(application(missing))).toEqual([404, "own 404"]);
  });

  it("gives another error to the error handlers", async () => {
    expect(await seenFrom(application(broken))).toEqual([502, "own error"]);
  });
});

describe("send of Node", () => {
  let log: MockInstance;
  beforeEach(() => void (log = vi.spyOn(console, "error").mockImplementation(() => undefined)));
  afterEach(() => log.mockRestore());

  it("responds itself to a missing file", async () => {
    const seen = await seenFrom((request, response) => void sendByNode(request, response, missing()));
    expect(seen).toEqual([404, "Not Found\n"]);
    expect(log).not.toHaveBeenCalled();
  });

  it("responds itself to another error, and logs it", async () => {
    const seen = await seenFrom((request, response) => void sendByNode(request, response, broken()));
    expect(seen).toEqual([502, "Bad Gateway\n"]);
    expect(log).toHaveBeenCalledOnce();
  });

  it("sends what there is", async () => {
    const hello = (): ReturnType<typeof download> => download("hello", { name: "a.txt" });
    expect(await seenFrom((request, response) => void sendByNode(request, response, hello()))).toEqual([200, "hello"]);
  });
});
