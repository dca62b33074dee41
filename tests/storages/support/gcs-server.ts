import { createHash, createVerify, type KeyObject } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { CRC32C } from "@google-cloud/storage";

/**
 * What `@google-cloud/storage` uses of Cloud Storage's JSON API, kept in memory: uploads whole and in chunks, downloads
 * with ranges and of a generation, metadata, lists, deletion, preconditions; and signed URLs of its XML API.
 * https://cloud.google.com/storage/docs/json_api
 */
export function gcsServer(publicKey: KeyObject): RequestListener {
  const objects = new Map<string, StoredObject>();
  const uploads = new Map<string, Upload>();
  return async (request, response) => {
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
    const answer = new Answer(request, response, url);
    const [, upload, bucket = "", name] =
      /^\/(upload\/)?storage\/v1\/b\/([^/]+)\/o(?:\/([^/]*))?$/.exec(url.pathname) ?? [];
    if (url.searchParams.has("X-Goog-Signature")) return answer.signed(objects, publicKey);
    if (bucket === "") return answer.error(404, "notFound");
    if (upload) return answer.upload(objects, uploads, bucket);
    if (name === undefined) return answer.list(objects, bucket);
    return answer.object(objects, `${bucket}/${decodeURIComponent(name)}`);
  };
}

interface StoredObject {
  readonly bytes: Buffer;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly generation: string;
  readonly updated: Date;
}

interface Upload {
  readonly key: string;
  readonly metadata: Metadata;
  readonly exclusive: boolean;
  readonly chunks: Buffer[];
}

interface Metadata {
  readonly contentType?: string;
  readonly contentEncoding?: string;
}

let generations = Date.now() * 1000;

class Answer {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #url: URL;

  constructor(request: IncomingMessage, response: ServerResponse, url: URL) {
    this.#request = request;
    this.#response = response;
    this.#url = url;
  }

  error(code: number, reason: string): void {
    this.json({ error: { code, message: reason, errors: [{ reason, message: reason, domain: "global" }] } }, code);
  }

  json(body: unknown, status = 200): void {
    this.#response.writeHead(status, { "Content-Type": "application/json; charset=UTF-8" }).end(JSON.stringify(body));
  }

  list(objects: Map<string, StoredObject>, bucket: string): void {
    const prefix = `${bucket}/${this.#parameter("prefix") ?? ""}`;
    const after = this.#parameter("pageToken") ?? "";
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted();
    // Small pages, so that there are some.
    const page = keys.slice(0, 3);
    const items = page.map((key) => metadataOf(key, objects.get(key)!));
    this.json({ kind: "storage#objects", items, ...(keys.length > 3 && { nextPageToken: page.at(-1) }) });
  }

  object(objects: Map<string, StoredObject>, key: string): void {
    const object = objects.get(key);
    const generation = this.#parameter("generation");
    if (!object || (generation !== null && generation !== object.generation)) return this.error(404, "notFound");
    if (this.#request.method === "DELETE") {
      objects.delete(key);
      return void this.#response.writeHead(204).end();
    }
    if (this.#parameter("ifGenerationNotMatch") === object.generation) return void this.#response.writeHead(304).end();
    if (this.#parameter("alt") === "media") return this.media(object);
    this.json(metadataOf(key, object));
  }

  media(object: StoredObject, fields: Record<string, string> = {}): void {
    const { bytes, contentType, contentEncoding, generation, updated } = object;
    const range = rangeOf(this.#request.headers.range, bytes.length);
    if (range === "unsatisfiable") return this.error(416, "requestedRangeNotSatisfiable");
    const [start, end] = range ?? [0, bytes.length - 1];
    this.#response.writeHead(range ? 206 : 200, {
      "Content-Type": contentType ?? "application/octet-stream",
      "Content-Length": end + 1 - start,
      "Last-Modified": updated.toUTCString(),
      "X-Goog-Generation": generation,
      "X-Goog-Hash": `crc32c=${checksum(bytes)},md5=${md5(bytes)}`,
      "X-Goog-Stored-Content-Length": bytes.length,
      ...(contentEncoding && { "Content-Encoding": contentEncoding }),
      ...(range && { "Content-Range": `bytes ${start}-${end}/${bytes.length}` }),
      ...fields,
    });
    this.#response.end(bytes.subarray(start, end + 1));
  }

  async upload(objects: Map<string, StoredObject>, uploads: Map<string, Upload>, bucket: string): Promise<void> {
    const body = await bodyOf(this.#request).catch(() => undefined);
    // Cut off under way: nothing of it is kept.
    if (!body) return;
    if (this.#request.method === "PUT") return this.#chunk(objects, uploads, body);
    const key = `${bucket}/${this.#parameter("name") ?? ""}`;
    const exclusive = this.#parameter("ifGenerationMatch") === "0";
    if (this.#parameter("uploadType") === "multipart") {
      const { metadata, media } = multipartOf(this.#request.headers["content-type"] ?? "", body);
      return this.#keep(objects, { key, metadata, exclusive, chunks: [media] });
    }
    const id = String(uploads.size);
    const contentType = this.#request.headers["x-upload-content-type"];
    const metadata = {
      ...(JSON.parse(String(body) || "{}") as Metadata),
      ...(contentType && { contentType: String(contentType) }),
    };
    uploads.set(id, { key, metadata, exclusive, chunks: [] });
    this.#response.writeHead(200, { Location: `${this.#url.origin}${this.#url.pathname}?upload_id=${id}` }).end();
  }

  #chunk(objects: Map<string, StoredObject>, uploads: Map<string, Upload>, bytes: Buffer): void {
    const upload = uploads.get(this.#parameter("upload_id") ?? "");
    if (!upload) return this.error(404, "notFound");
    upload.chunks.push(bytes);
    if (!this.#request.headers["content-range"]?.endsWith("/*")) return this.#keep(objects, upload);
    const last = upload.chunks.reduce((total, { length }) => total + length, -1);
    this.#response.writeHead(308, { Range: `bytes=0-${last}` }).end();
  }

  #keep(objects: Map<string, StoredObject>, { key, metadata, exclusive, chunks }: Upload): void {
    if (exclusive && objects.has(key)) return this.error(412, "conditionNotMet");
    const { contentType, contentEncoding } = metadata;
    const generation = String(generations++);
    const object = { bytes: Buffer.concat(chunks), contentType, contentEncoding, generation, updated: new Date() };
    objects.set(key, object);
    this.json(metadataOf(key, object));
  }

  /** https://cloud.google.com/storage/docs/authentication/signatures */
  signed(objects: Map<string, StoredObject>, publicKey: KeyObject): void {
    const { pathname, searchParams } = this.#url;
    const parameters = [...searchParams].filter(([name]) => name !== "X-Goog-Signature");
    const query = parameters
      .map((pair) => pair.map(encoded).join("="))
      .toSorted()
      .join("&");
    // The SDK signs for the host's name alone.
    const canonical = ["GET", pathname, query, `host:${this.#url.hostname}\n`, "host", "UNSIGNED-PAYLOAD"].join("\n");
    const [date = "", credential = ""] = ["X-Goog-Date", "X-Goog-Credential"].map(
      (name) => searchParams.get(name) ?? "",
    );
    const scope = credential.slice(credential.indexOf("/") + 1);
    const text = ["GOOG4-RSA-SHA256", date, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
    const signature = searchParams.get("X-Goog-Signature") ?? "";
    const object = objects.get(decodeURIComponent(pathname.slice(1)));
    if (!createVerify("RSA-SHA256").update(text).verify(publicKey, signature, "hex")) {
      return this.error(403, "SignatureDoesNotMatch");
    }
    if (!object) return this.error(404, "notFound");
    const disposition = this.#parameter("response-content-disposition");
    const type = this.#parameter("response-content-type");
    this.media(object, {
      ...(disposition && { "Content-Disposition": disposition }),
      ...(type && { "Content-Type": type }),
    });
  }

  #parameter(name: string): string | null {
    return this.#url.searchParams.get(name);
  }
}

function metadataOf(key: string, { bytes, generation, updated, ...metadata }: StoredObject): object {
  const [bucket = "", ...name] = key.split("/");
  return {
    kind: "storage#object",
    bucket,
    name: name.join("/"),
    size: String(bytes.length),
    crc32c: checksum(bytes),
    md5Hash: md5(bytes),
    generation,
    metageneration: "1",
    updated: updated.toISOString(),
    ...metadata,
  };
}

function md5(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("base64");
}

function checksum(bytes: Buffer): string {
  const crc = new CRC32C();
  crc.update(bytes);
  return crc.toString();
}

function rangeOf(field: string | undefined, size: number): [number, number] | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(field ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return start > end ? "unsatisfiable" : [start, end];
}

function multipartOf(contentType: string, body: Buffer): { metadata: Metadata; media: Buffer } {
  const boundary = /boundary="?([^";]+)/.exec(contentType)?.[1] ?? "";
  const headEnd = (from: number): number => body.indexOf("\r\n\r\n", from) + 4;
  const start = headEnd(0);
  const middle = body.indexOf(`\r\n--${boundary}`, start);
  const media = headEnd(middle);
  return {
    metadata: JSON.parse(body.subarray(start, middle).toString()) as Metadata,
    media: body.subarray(media, body.lastIndexOf(`\r\n--${boundary}`)),
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
