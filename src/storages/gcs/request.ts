import { request as requestByHTTP, type IncomingMessage } from "node:http";
import { request as requestByHTTPS } from "node:https";
import type { Storage } from "@google-cloud/storage";
import { onAbort } from "../../files/abort.ts";
import type { StoreFailure } from "../object-store/object-store.ts";

export interface MediaAddress {
  readonly bucket: string;
  readonly key: string;
  readonly generation?: string | undefined;
  readonly userProject?: string | undefined;
  /** The store answers 304 if the object has this generation. */
  readonly notGeneration?: string | undefined;
}

/**
 * Requests the bytes of an object, with the credentials and the retries of the SDK. Not through the SDK: it takes no signal,
 * and when one of its reads is cancelled, it ends all others that share the connections.
 */
export async function requestMedia(
  client: Storage,
  address: MediaAddress,
  fields: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const url = mediaUrl(client, address);
  const headers = { ...(await authorization(client, url)), "Accept-Encoding": "gzip", ...fields };
  const { autoRetry = true, maxRetries = 3 } = client.retryOptions;
  for (let retries = autoRetry ? maxRetries : 0; ; retries -= 1) {
    try {
      return await succeeding(await send(url, headers, signal));
    } catch (error) {
      if (retries <= 0 || signal.aborted || !isTransient(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** (maxRetries - retries)));
    }
  }
}

function mediaUrl(
  { apiEndpoint }: Storage,
  { bucket, key, generation, userProject, notGeneration }: MediaAddress,
): URL {
  const url = new URL(`${apiEndpoint}/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(key)}`);
  url.searchParams.set("alt", "media");
  if (generation !== undefined) url.searchParams.set("generation", generation);
  if (userProject !== undefined) url.searchParams.set("userProject", userProject);
  if (notGeneration !== undefined) url.searchParams.set("ifGenerationNotMatch", notGeneration);
  return url;
}

async function authorization(client: Storage, url: URL): Promise<Record<string, string>> {
  // As in the SDK: a custom endpoint, such as an emulator's, is sent credentials only if the option says so.
  if (client.customEndpoint && client.useAuthWithCustomEndpoint !== true) return {};
  // A plain object or Headers, by the version of the library.
  return Object.fromEntries(new Headers(await client.authClient.getRequestHeaders(url.href)));
}

function send(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const open = url.protocol === "https:" ? requestByHTTPS : requestByHTTP;
    const request = open(url, { headers }, (answer) => {
      answer.once("close", stop);
      answer.on("error", () => undefined);
      resolve(answer);
    });
    const stop = onAbort(signal, () => request.destroy(signal.reason as Error));
    request.on("error", (error) => {
      stop();
      reject(error);
    });
    request.end();
  });
}

async function succeeding(answer: IncomingMessage): Promise<IncomingMessage> {
  const { statusCode = 0, headers } = answer;
  if (statusCode === 200 || statusCode === 206) return answer;
  answer.resume();
  throw new MediaError(statusCode, headers["retry-after"]);
}

function isTransient(error: unknown): boolean {
  return !(error instanceof MediaError) || error.code === 408 || error.code === 429 || error.code >= 500;
}

/** The store's response to a failed request for bytes, in the form of the SDK's own errors. */
class MediaError extends Error {
  readonly code: number;
  readonly retryAfter: string | undefined;

  constructor(code: number, retryAfter: string | undefined) {
    super(`The store answered ${code}`);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

interface GoogleError {
  readonly code?: number | string;
  readonly status?: number;
  readonly retryAfter?: string | undefined;
  readonly errors?: readonly { readonly reason?: string }[];
  readonly response?: { readonly status?: number };
}

export function gcsFailure(error: unknown): StoreFailure {
  const { code, status, retryAfter, errors, response } = (error ?? {}) as GoogleError;
  return {
    status: [code, status, response?.status].find((value) => typeof value === "number"),
    code: errors?.[0]?.reason ?? (typeof code === "string" ? code : undefined),
    retryAfter,
  };
}
