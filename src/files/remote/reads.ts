import { FileChangedError, UpstreamError } from "../../errors.ts";
import type { RangeSpec } from "../../http/range.ts";
import { onAbort } from "../abort.ts";
import { closedEarly } from "../byte-reader.ts";
import type { FileStat } from "../download-file.ts";
import {
  announcedName,
  assertSameVersion,
  describeAnswer,
  isWhole,
  knownFields,
  notModifiedAnswer,
  rangeField,
  readAnswer,
  sameVersionFields,
  upstreamFailure,
  type KnownVersion,
  type UpstreamAnswer,
} from "./answer.ts";
import { requestUpstream, type Upstream } from "./request.ts";
import { holds, type OpenEndedRange, type RemoteSource } from "./open-remote-file.ts";
import { discardBody, type RemoteResponse } from "./redirects.ts";

/** All requests of one opened remote file. They end when it is closed. */
export class RemoteReads implements RemoteSource {
  readonly #upstream: Upstream;
  readonly #abort = new AbortController();
  readonly #unfollow: () => void;
  readonly #named: (name: string) => void;

  /** @param named receives the file name in the upstream's Content-Disposition, before a response is used */
  constructor(upstream: Upstream, signal: AbortSignal | undefined, named: (name: string) => void) {
    this.#upstream = upstream;
    this.#named = named;
    this.#unfollow = onAbort(signal, () => this.#abort.abort(signal?.reason));
  }

  /** Aborts when the client leaves or the file is closed. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Stops watching the client's signal, without an abort: an abort would close a connection that can be reused. */
  release(): void {
    this.#unfollow();
  }

  close(): void {
    this.release();
    if (!this.signal.aborted) this.#abort.abort(closedEarly());
  }

  async head(): Promise<FileStat> {
    const response = await this.#send("HEAD", {});
    if (isWhole(response.status)) return describeAnswer(response.headers);
    // 403: a presigned URL is signed for GET alone.
    if (![403, 405, 501].includes(response.status)) throw upstreamFailure(response, this.#upstream.url);
    const { stat, body } = await this.open();
    await body?.cancel().catch(() => undefined);
    return stat;
  }

  /** Sends the first GET. The upstream may ignore `range`. If the file is what the caller has, the response has no body. */
  async open(range?: RangeSpec, known: KnownVersion = {}): Promise<UpstreamAnswer> {
    const isAuthorized = new Headers(this.#upstream.requestInit.headers).has("authorization");
    return { ...(await this.#open(range, known)), isAuthorized };
  }

  async #open(range: RangeSpec | undefined, known: KnownVersion): Promise<UpstreamAnswer> {
    const response = await this.#get({
      ...knownFields(known),
      ...(range === undefined ? {} : { Range: rangeField(range) }),
    });
    if (response.status === 304) return notModifiedAnswer(response, known);
    return range === undefined ? this.#wholeOf(response) : (readAnswer(response) ?? this.#getInstead(response));
  }

  // A 416 has no metadata of the file, and preconditions come before ranges. So we request the whole file for its metadata.
  async #getInstead(refusal: RemoteResponse): Promise<UpstreamAnswer> {
    await discardBody(refusal);
    return this.#wholeOf(await this.#get({}));
  }

  async #wholeOf(response: RemoteResponse): Promise<UpstreamAnswer> {
    const answer = readAnswer(response);
    if (answer && isWhole(response.status)) return answer;
    await discardBody(response);
    throw upstreamFailure(response, this.#upstream.url);
  }

  /**
   * Sends a later GET for the same version of the file.
   *
   * @throws {FileChangedError} if the upstream has another version
   */
  async read(range: OpenEndedRange | undefined, version: FileStat, joined: boolean): Promise<UpstreamAnswer> {
    const response = await this.#get({
      ...sameVersionFields(version),
      ...(range === undefined ? {} : { Range: rangeField(range) }),
    });
    try {
      const answer = readAnswer(response);
      if (answer === undefined) throw new FileChangedError();
      assertSameVersion(version, answer.stat, joined);
      if (!holds(answer, range)) throw new UpstreamError();
      return answer;
    } catch (error) {
      await discardBody(response);
      throw error;
    }
  }

  async #get(fields: Record<string, string>): Promise<RemoteResponse> {
    const response = await this.#send("GET", fields);
    const { status } = response;
    if (isWhole(status) || status === 206 || status === 416) return response;
    if (status === 304 && ("If-None-Match" in fields || "If-Modified-Since" in fields)) return response;
    await discardBody(response);
    throw upstreamFailure(response, this.#upstream.url);
  }

  async #send(method: "GET" | "HEAD", fields: Record<string, string>): Promise<RemoteResponse> {
    const response = await requestUpstream(this.#upstream, method, fields, this.signal);
    const name = isWhole(response.status) || response.status === 206 ? announcedName(response.headers) : undefined;
    if (name !== undefined) this.#named(name);
    return response;
  }
}
