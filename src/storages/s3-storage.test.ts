import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError } from "../errors.ts";
import { S3Storage, type S3StorageOptions } from "./s3-storage.ts";

/** As much of an answer of S3 as a case is about. */
interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A client of a store that answers as it is told, one answer a request, and the requests that it got. */
function clientOf(answers: readonly Answer[], config: object = {}): { client: S3Client; asked: Asked[] } {
  const asked: Asked[] = [];
  const handle = async (request: Asked) => {
    const { status = 200, headers = {}, body = "" } = answers[asked.length] ?? { status: 500 };
    asked.push(request);
    return { response: { statusCode: status, headers, body: typeof body === "string" ? Readable.from([body]) : body } };
  };
  const requestHandler = { handle, metadata: { handlerProtocol: "http/1.1" } } as S3ClientConfig["requestHandler"] & {};
  const credentials = { accessKeyId: "key", secretAccessKey: "secret" };
  const client = new S3Client({ region: "x", credentials, maxAttempts: 1, ...config, requestHandler });
  return { client, asked };
}

describe("S3Storage", () => {
  it.each<[string, unknown, unknown]>([
    ["no client", undefined, { bucket: "b" }],
    ["the options alone", { client: clientOf([]).client, bucket: "b" }, undefined],
    ["no bucket", clientOf([]).client, { bucket: undefined }],
    ["an empty bucket", clientOf([]).client, { bucket: "" }],
  ])("refuses %s", (_, client, options) => {
    expect(() => new S3Storage(client as S3Client, options as S3StorageOptions)).toThrow(ImproperlyConfiguredError);
  });

  it("signs no URL for longer than its credentials, or a week, last", async () => {
    const expiration = new Date(Date.now() + 60_000);
    const credentials = { accessKeyId: "a", secretAccessKey: "b", sessionToken: "t", expiration };
    const endOf = async (client: S3Client, expiresIn: number): Promise<number> => {
      const { searchParams } = new URL(await new S3Storage(client, { bucket: "b" }).url("k", { expiresIn }));
      const from = searchParams.get("X-Amz-Date")!.replace(/(....)(..)(.....)(..)(...)/, "$1-$2-$3:$4:$5");
      return Date.parse(from) + Number(searchParams.get("X-Amz-Expires")) * 1000;
    };
    const temporary = await endOf(clientOf([], { credentials }).client, 3600);
    expect(temporary).toBe(Math.floor(expiration.getTime() / 1000) * 1000);
    const lasting = await endOf(clientOf([]).client, 20 * 24 * 3600);
    expect(lasting).toBeLessThanOrEqual(Date.now() + 7 * 24 * 3_600_000);
  });
});
