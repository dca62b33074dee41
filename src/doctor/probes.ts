import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { VirtualFile } from "../files/virtual-file.ts";
import type { DownloadRequest } from "../responses/handler.ts";

/** What the doctor can ask {@link HealthcheckDownloadView} for instead of the file, by `?probe=`. */
export type Probe =
  /** The application refuses the file. Whatever comes after the view must leave that as it is. */
  | "refused"
  /** An error that names the file all the same, as an application may that does not use this package. */
  | "careless"
  /** The file by an internal URL with a second slash, which finds it where an `alias` lacks its slash. */
  | "slash"
  /** A file that is missing at the server, although the application names it. */
  | "missing"
  /** What the application received of the request. */
  | "request"
  /** A stream that pauses and then breaks. */
  | "stream"
  /** A large body that says of its parts when they were made. */
  | "large";

const probes: ReadonlySet<string> = new Set<Probe>([
  "refused",
  "careless",
  "slash",
  "missing",
  "request",
  "stream",
  "large",
]);

export function probeOf(request: DownloadRequest): Probe | undefined {
  const value = new URL(request.url, "http://localhost").searchParams.get("probe");
  return value !== null && probes.has(value) ? (value as Probe) : undefined;
}

/** What the application received of a request. Missing fields are null. */
export interface ReceivedRequest {
  readonly url: string;
  readonly host: string | null;
  readonly scheme: string | null;
  readonly range: string | null;
  readonly ifRange: string | null;
  readonly ifNoneMatch: string | null;
  /** Differs from request to request: a second one with the same id was answered by a cache. */
  readonly id: string;
}

/** Answers with the fields that the doctor sent itself, and with none that a server may have added for the application. */
export function receivedRequest({ url, headers }: DownloadRequest): ReceivedRequest {
  return {
    url: url.replace(/^[a-z]+:\/\/[^/]*/i, ""),
    host: headers.get("host"),
    scheme: headers.get("x-forwarded-proto"),
    range: headers.get("range"),
    ifRange: headers.get("if-range"),
    ifNoneMatch: headers.get("if-none-match"),
    id: randomUUID(),
  };
}

function lengthOf({ url }: DownloadRequest): "short" | "long" {
  return new URL(url, "http://localhost").searchParams.has("long") ? "long" : "short";
}

/** How long {@link brokenStream} pauses before it breaks, in milliseconds. The doctor asks for a long pause if in doubt. */
export const streamPauses = { short: 400, long: 1500 } as const;

/** A file without a length. After its first bytes it pauses, and then it fails. */
export function brokenStream(request: DownloadRequest): VirtualFile {
  const pause = streamPauses[lengthOf(request)];
  return new VirtualFile(
    async function* () {
      yield new Uint8Array(1024).fill(0x2e);
      await delay(pause);
      throw brokenOnPurpose();
    },
    { name: "stream.bin" },
  );
}

/** Frameworks log the stack of an error. This one has none, because it is not a fault. */
function brokenOnPurpose(): Error {
  const error = new Error("The stream of the downloadview doctor breaks on purpose");
  error.stack = error.message;
  return error;
}

const mebibyte = 1024 * 1024;

/** The layout of {@link largeFile}: each part begins with a stamp. A long body exceeds the buffers of all sockets. */
export const largeLayout: {
  readonly stampLength: number;
  readonly partLength: number;
  readonly parts: Readonly<Record<"short" | "long", number>>;
} = { stampLength: 16, partLength: mebibyte + 16, parts: { short: 32, long: 64 } };

/** Parts of 1 MiB. Each begins with the time at which it was made, in milliseconds since the first one. */
export function largeFile(request: DownloadRequest): VirtualFile {
  const { stampLength, partLength } = largeLayout;
  const parts = largeLayout.parts[lengthOf(request)];
  return new VirtualFile(
    async function* () {
      const zeros = new Uint8Array(partLength - stampLength);
      const begun = performance.now();
      for (let part = 0; part < parts; part += 1) {
        yield new TextEncoder().encode(String(Math.floor(performance.now() - begun)).padStart(stampLength, " "));
        yield zeros;
      }
    },
    { name: "large.bin", size: partLength * parts },
  );
}
