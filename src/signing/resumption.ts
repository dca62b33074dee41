import { PermissionDeniedError } from "../errors.ts";
import { parseRange } from "../http/range.ts";
import { isDownloadResponse, type DownloadRequest, type DownloadResult } from "../responses/handler.ts";
import type { Transfer } from "../responses/transfer.ts";
import { sentVersionKey, type SentVersions } from "./sent-versions.ts";
import type { VerifiedSignature } from "./url-verifier.ts";

/**
 * Lets a client finish a download that it started while its link was valid. Until the link expires, each version that is
 * sent is remembered with the signature. After that, a request gets the rest of such a version, and nothing else.
 */
export class Resumption {
  readonly #sent: SentVersions;
  readonly #seconds: number;
  readonly #now: () => Date;

  constructor(sent: SentVersions, seconds: number, now: () => Date) {
    this.#sent = sent;
    this.#seconds = seconds;
    this.#now = now;
  }

  /** @throws {PermissionDeniedError} for an expired signature, unless the request resumes */
  async answer(
    request: DownloadRequest,
    verification: VerifiedSignature,
    answer: () => Promise<DownloadResult>,
  ): Promise<DownloadResult> {
    if (!verification.expired) return this.#remembered(await answer(), verification);
    const version = resumedVersion(request);
    if (version === undefined) throw expired();
    const key = await sentVersionKey(verification.signature, version);
    if (!(await this.#sent.has(key, this.#now().getTime()))) throw expired();
    return restOnly(await answer(), version);
  }

  async #remembered(result: DownloadResult, { signature, expiresAt }: VerifiedSignature): Promise<DownloadResult> {
    // A link that never expires needs no resumption.
    if (expiresAt === undefined) return result;
    const remember = async (version: string | undefined): Promise<void> => {
      if (version === undefined) return;
      const until = expiresAt.getTime() + this.#seconds * 1000;
      // If this fails, the download continues. It just can't be resumed after its link has expired.
      const key = await sentVersionKey(signature, version);
      await this.#sent.add(key, until, this.#now().getTime()).catch(() => undefined);
    };
    if ("kind" in result) return announcing(result, ({ version }) => remember(version));
    if (result.status === 200 || result.status === 206) await remember(strongTag(result));
    return result;
  }
}

/** Returns the version that a request resumes. Undefined if the request could start a download. */
function resumedVersion({ method, headers }: DownloadRequest): string | undefined {
  const ranges = method === "GET" ? parseRange(headers.get("range") ?? "") : undefined;
  const ifRange = headers.get("if-range")?.trim();
  const begins = ranges?.some((range) => "suffix" in range || range.start === 0) ?? true;
  return begins || ifRange === undefined || !ifRange.startsWith('"') ? undefined : ifRange;
}

function restOnly(result: DownloadResult, version: string): DownloadResult {
  if (!("kind" in result)) {
    if (result.status < 400 && !(result.status === 206 && strongTag(result) === version)) throw expired();
    return result;
  }
  // Replaces a redirect or an offloaded response by its source: the client must not get a URL that works for the whole file.
  const { source } = result as { source?: unknown };
  return announcing(isDownloadResponse(source) ? source : result, (transfer) => {
    if (transfer.kind === "redirected" || transfer.version !== version || !(transfer.first > 0)) throw expired();
  });
}

/** Calls `announced` before the first byte, unless an inner `beforeSend` refuses. */
function announcing<R extends Exclude<DownloadResult, Response>>(
  response: R,
  announced: (transfer: Transfer) => void | Promise<void>,
): R {
  const { beforeSend } = response;
  response.beforeSend = async (transfer) => {
    await beforeSend?.(transfer);
    await announced(transfer);
  };
  return response;
}

function strongTag({ headers }: Response): string | undefined {
  const etag = headers.get("etag");
  return etag?.startsWith('"') ? etag : undefined;
}

function expired(): PermissionDeniedError {
  return new PermissionDeniedError("Forbidden", { cause: "expired" });
}
