import { describe, expect, it } from "vitest";
import { type FinishedResponse, headerOf, ResponseReader } from "./response-reader.ts";

const responses = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',
  "HTTP/1.1 206 Partial Content\r\ncontent-length: 2\r\n\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\na;name=value\r\n0123456789\r\n0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\r\r\n0\r\nTrailer: 1\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
].join("");

const seen = [
  [200, 5],
  [304, 0],
  [206, 2],
  [200, 15],
  [200, 1],
  [200, 0],
];

describe("ResponseReader", () => {
  it("counts the bodies of responses that follow each other", () => {
    expect(readAll([responses])).toEqual(seen);
  });

  it("counts them wherever the bytes are cut", () => {
    for (let at = 1; at < responses.length; at++)
      expect(readAll([responses.slice(0, at), responses.slice(at)])).toEqual(seen);
  });

  it("counts them byte by byte", () => {
    expect(readAll(responses.split(""))).toEqual(seen);
  });

  it("refuses a body that only the end of the connection ends", () => {
    expect(() => readAll(["HTTP/1.1 200 OK\r\n\r\nhello"])).toThrow(/neither/);
  });
});

describe("headerOf", () => {
  it("finds a field whatever the case of its name", () => {
    expect(headerOf('HTTP/1.1 200 OK\r\netag: "x"\r\nAge: 1', "ETag")).toBe('"x"');
  });

  it("does not take one field for another", () => {
    expect(headerOf("HTTP/1.1 200 OK\r\nX-ETag: 1", "ETag")).toBeUndefined();
  });
});

function readAll(pieces: readonly string[]): readonly (readonly number[])[] {
  const finished: FinishedResponse[] = [];
  const reader = new ResponseReader({ onEnd: (response) => finished.push(response) });
  for (const piece of pieces) reader.read(Buffer.from(piece, "latin1"));
  return finished.map(({ status, bodyBytes }) => [status, bodyBytes]);
}
