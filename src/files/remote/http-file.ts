import { hideInLogs, refuseJSON, withoutCredentials } from "../../serialization.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "../download-file.ts";
import { RemoteReads } from "./reads.ts";
import { upstreamOf, type HTTPFileOptions } from "./http-file-options.ts";
import type { Upstream } from "./request.ts";
import { OpenRemoteFile } from "./open-remote-file.ts";

/**
 * A file on another HTTP server, whose bytes pass through this process. A download is one GET with the client's range; no
 * other part of the client's request is sent. If the body breaks and the file has a strong entity tag, the rest is
 * requested again.
 *
 * Requests go only to addresses of the public internet, after redirects too. To allow hosts of your own network, list them
 * in `allowedHosts`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { HTTPFile } from "downloadview";
 *
 * const upstream = async () => new Response("Hello", { headers: { "Content-Length": "5" } });
 * const file = new HTTPFile("https://files.example/a/hello%20world.txt", { fetch: upstream });
 * assert.equal(file.name, "hello world.txt");
 * assert.equal((await file.stat()).size, 5);
 * ```
 */
export class HTTPFile implements DownloadFile {
  readonly url: string;
  readonly #upstream: Upstream;
  readonly #givenName: string | undefined;
  #announcedName: string | undefined;

  /** @throws {ImproperlyConfiguredError} for invalid options. A URL that is not allowed throws when the file is used. */
  constructor(url: string | URL, options: HTTPFileOptions = {}) {
    this.url = String(url);
    this.#givenName = options.name;
    this.#upstream = upstreamOf(this.url, options);
    hideInLogs(this, () => ({ url: withoutCredentials(this.url) }));
  }

  /**
   * The option `name`. Default: the file name in the upstream's Content-Disposition (after the first response), else the
   * last segment of the URL's path, else its host.
   */
  get name(): string {
    return this.#givenName ?? this.#announcedName ?? nameOf(this.url);
  }

  #connect(signal: AbortSignal | undefined): RemoteReads {
    return new RemoteReads(this.#upstream, signal, (name) => (this.#announcedName = name));
  }

  /** Sends a HEAD; if the upstream refuses HEAD, a GET whose body is not read. */
  async stat({ signal }: StatOptions = {}): Promise<FileStat> {
    const reads = this.#connect(signal);
    try {
      return await reads.head();
    } finally {
      reads.release();
    }
  }

  /**
   * @throws {FileNotFoundError} for 404 and 410, and for 401 and 403
   * @throws {UpstreamError} 503 if the upstream asks to wait, 504 if it takes too long, 502 for any other failure
   */
  async open({ range, ranges, ifNoneMatch, ifModifiedSince, signal }: OpenOptions = {}): Promise<OpenFile> {
    const reads = this.#connect(signal);
    try {
      const answer = await reads.open(range ?? ranges?.[0], { ifNoneMatch, ifModifiedSince });
      return new OpenRemoteFile(reads, answer.stat, answer, ranges !== undefined);
    } catch (error) {
      reads.close();
      throw error;
    }
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "file");
  }
}

function nameOf(url: string): string {
  if (!URL.canParse(url)) return "download";
  const { pathname, hostname } = new URL(url);
  const segment = pathname.replace(/\/+$/, "").split("/").at(-1);
  return segment ? decoded(segment) : hostname;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
