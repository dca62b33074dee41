import { request as requestByHTTP, type IncomingMessage } from "node:http";
import { request as requestByHTTPS } from "node:https";
import type { Storage } from "@google-cloud/storage";
import { onAbort } from "../../files/bytes-abort.ts";
import { MediaError } from "./failure.ts";

export interface MediaAddress {
  readonly bucket: string;
  readonly key: string;
  readonly generation?: string | undefined;
  readonly userProject?: string | undefined;
  /** 304 if it is this one. */
  readonly notGeneration?: string | undefined;
}

/**
 * Asks for the bytes of an object, with the credentials and as often as the SDK would. Not through the SDK: when one of
 * its reads is given up, it ends every other that shares the connections, and it takes no signal.
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
  // As the SDK does: an endpoint of one's own, such as an emulator's, is told no credentials unless it is to be.
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
