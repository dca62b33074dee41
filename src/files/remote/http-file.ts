import { hideInLogs, refuseJSON, withoutCredentials } from "../../serialization.ts";
import type { DownloadFile, FileStat, OpenFile, OpenOptions, StatOptions } from "../download-file.ts";
import { Connection } from "./reads.ts";
import { upstreamOf, type HTTPFileOptions } from "./http-file-options.ts";
import type { Upstream } from "./request.ts";
import { OpenRemoteFile } from "./open-remote-file.ts";

/**
 * A file on another HTTP server, whose bytes pass through this one: one GET a download, with the client's range in it.
 * Nothing else of the client's request is sent on. A body that breaks under way is asked for again from where it broke,
 * if the file has a strong entity tag.
 *
 * Only what the public internet can reach is asked, whatever the URL, a name in it or a redirect leads to: hosts of your
 * own have to be named in `allowedHosts`.
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

  /** @throws {ImproperlyConfiguredError} for options that can't hold. A URL that can't be asked is an error once it is. */
  constructor(url: string | URL, options: HTTPFileOptions = {}) {
    this.url = String(url);
    this.#givenName = options.name;
    this.#upstream = upstreamOf(this.url, options);
    hideInLogs(this, () => ({ url: withoutCredentials(this.url) }));
  }

  /**
   * The name that was given. Without one: the file name in the upstream's Content-Disposition, once the upstream has been
   * asked, or the last segment of the URL's path, or its host.
   */
  get name(): string {
    return this.#givenName ?? this.#announcedName ?? nameOf(this.url);
  }

  #connect(signal: AbortSignal | undefined): Connection {
    return new Connection(this.#upstream, signal, (name) => (this.#announcedName = name));
  }

  /** Asks by HEAD, or by a GET whose body is not read where HEAD is refused. */
  async stat({ signal }: StatOptions = {}): Promise<FileStat> {
    const connection = this.#connect(signal);
    try {
      return await connection.head();
    } finally {
      connection.release();
    }
  }

  /**
   * @throws {FileNotFoundError} for 404 and 410, and for 401 and 403
   * @throws {UpstreamError} 503 if the upstream asks to wait, 504 if it takes too long, 502 for any other failure
   */
  async open({ range, ranges, ifNoneMatch, signal }: OpenOptions = {}): Promise<OpenFile> {
    const connection = this.#connect(signal);
    try {
      const answer = await connection.open(range ?? ranges?.[0], ifNoneMatch);
      return new OpenRemoteFile(connection, answer.stat, answer, ranges !== undefined);
    } catch (error) {
      connection.close();
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
