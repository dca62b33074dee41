import type { Decision, Representation } from "../http/decide.ts";
import { decide } from "../http/decide.ts";
import { parseRange, rangeLength } from "../http/range.ts";
import type { DownloadRequest } from "./handler.ts";

/** The bytes, and the version of the file, that a response or another server is about to send. */
export interface Transfer {
  /**
   * - `sent`: the application sends the bytes.
   * - `handedOver`: the server in front of the application sends them, and does not report how the transfer ends.
   * - `redirected`: the client gets a URL of a store or a CDN, which it may use more than once.
   */
  readonly kind: "sent" | "handedOver" | "redirected";
  /** Bytes of the file that the client is promised. Undefined if unknown. */
  readonly bytes: number | undefined;
  /** Position of the first of them. */
  readonly first: number;
  /** Size of the representation, in bytes. Undefined if unknown. */
  readonly size: number | undefined;
  /** The representation's strong entity tag. Undefined if it has none. */
  readonly version: string | undefined;
}

/**
 * Called once a response is certain to carry bytes, before the first of them is sent: never for 304, 404, 412, 416 or
 * HEAD. If it throws or rejects, the client gets that error instead of the file.
 */
export type BeforeSend = (transfer: Transfer) => void | Promise<void>;

/** The transfer of a delivery and of its outcome: a response that is rendered for two requests has two. */
const transfers = new WeakMap<object, Transfer>();

/** Calls `beforeSend`, and remembers the transfer that the end of `delivery` will be about. */
export async function announceTransfer(
  beforeSend: BeforeSend | undefined,
  transfer: Transfer,
  delivery: object,
): Promise<void> {
  if (beforeSend === undefined) return;
  transfers.set(delivery, transfer);
  await beforeSend(transfer);
}

/** Returns the transfer that a delivery or an outcome is about. Undefined if no bytes of a file were about to be sent. */
export function announcedTransfer(deliveryOrOutcome: object): Transfer | undefined {
  return transfers.get(deliveryOrOutcome);
}

/** Makes `outcome` be about a transfer. */
export function outcomeAbout<O extends object>(outcome: O, transfer: Transfer | undefined): O {
  if (transfer) transfers.set(outcome, transfer);
  return outcome;
}

/** Returns the transfer of a response with `decision`. Undefined if it sends no bytes of the file. */
export function sentTransfer(decision: Decision, representation: Representation): Transfer | undefined {
  return transferOf("sent", decision, representation);
}

/** Returns the transfer that another server makes for `request`: it applies the client's Range itself. */
export function handedOverTransfer(
  request: DownloadRequest,
  representation: Representation,
  kind: "handedOver" | "redirected" = "handedOver",
): Transfer {
  const version = strongTag(representation);
  if (representation.size === undefined) {
    return { kind, bytes: undefined, first: firstPosition(request), size: undefined, version };
  }
  // The preconditions are decided already. If the range is unsatisfiable, some servers send the whole file.
  const decision = decide(rangeOnly(request), { ...representation, seekable: true });
  const whole = {
    kind,
    bytes: representation.size,
    first: 0,
    size: representation.size,
    version,
  };
  return transferOf(kind, decision, representation) ?? whole;
}

function transferOf(kind: Transfer["kind"], decision: Decision, representation: Representation): Transfer | undefined {
  const { size } = representation;
  const version = strongTag(representation);
  switch (decision.kind) {
    case "full":
      return { kind, bytes: size, first: 0, size, version };
    case "partial":
      return { kind, bytes: rangeLength(decision.range), first: decision.range.start, size, version };
    case "multipart": {
      const bytes = decision.ranges.reduce((sum, range) => sum + rangeLength(range), 0);
      return { kind, bytes, first: Math.min(...decision.ranges.map(({ start }) => start)), size, version };
    }
    default:
      return undefined;
  }
}

function strongTag({ etag }: Representation): string | undefined {
  return etag?.startsWith('"') ? etag : undefined;
}

/** The lowest position in a Range field. A suffix of a file of unknown size counts as 1: it is not known to begin at 0. */
function firstPosition({ method, headers }: DownloadRequest): number {
  const specs = method === "GET" ? parseRange(headers.get("range") ?? "") : undefined;
  return specs === undefined ? 0 : Math.min(...specs.map((spec) => ("suffix" in spec ? 1 : spec.start)));
}

const rangeFields = new Set(["range", "if-range"]);

function rangeOnly({ method, url, headers }: DownloadRequest): DownloadRequest {
  return { method, url, headers: { get: (name) => (rangeFields.has(name.toLowerCase()) ? headers.get(name) : null) } };
}
