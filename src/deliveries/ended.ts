import { DownloadError } from "../errors.ts";
import type { DownloadOutcome } from "../responses/delivery.ts";
import type { DownloadRequest } from "../responses/handler.ts";
import type { Transfer } from "../responses/transfer.ts";
import type { DeliveryReport } from "./delivery-log.ts";
import type { Part } from "./received-parts.ts";

/** An outcome, with the part of the file that it is about. */
export type Ended = DownloadOutcome & { readonly part?: Part; readonly size?: number };

/** Whether a transfer may be of several ranges: its bytes then do not tell which of the file they are. */
function mayBeSeveral({ headers }: DownloadRequest): boolean {
  return headers.get("range")?.includes(",") ?? false;
}

/** The part of a file that the application sent. Undefined if it sent several. */
export function partOf(
  outcome: DownloadOutcome,
  transfer: Transfer,
  request: DownloadRequest,
): Pick<Ended, "part" | "size"> | undefined {
  const { first, bytes, size } = transfer;
  if (outcome.kind === "handedOver" || outcome.kind === "failed") return undefined;
  if (transfer.kind !== "sent" || mayBeSeveral(request)) return undefined;
  const sent = outcome.completed && bytes !== undefined ? bytes : outcome.bytesSent;
  return size === undefined ? undefined : { part: { start: first, end: first + sent }, size };
}

/** How a download ended, by the log. The log is believed in what the server alone can know, and no further. */
export function outcomeOf(report: DeliveryReport, transfer: Transfer, request: DownloadRequest): Ended {
  const { status, bytes } = report;
  if (status >= 400 && status !== 499 && status !== 416) {
    const error = new DownloadError(status, "The server in front could not send the file");
    return { kind: "failed", status, bytesSent: 0, completed: false, error };
  }
  const range = rangeIn(report, transfer, mayBeSeveral(request));
  const expected = range ? range.end - range.start : promised(report, transfer);
  const isWhole = report.isComplete !== false && status !== 499 && (expected === undefined || bytes >= expected);
  const ended: DownloadOutcome = isWhole
    ? { kind: "completed", status, bytesSent: bytes, completed: true }
    : { kind: "aborted", status, bytesSent: bytes, completed: false };
  if (range === undefined || transfer.size === undefined) return ended;
  // A server may count bytes that it never sent: a client that left has not got the last one.
  const end = Math.min(isWhole ? range.end : range.end - 1, range.start + bytes);
  return { ...ended, part: { start: range.start, end }, size: transfer.size };
}

/** At least so many bytes make a response whole whose part is unknown: several ranges have more, with their heads. */
function promised({ status, contentRange }: DeliveryReport, { size, bytes }: Transfer): number | undefined {
  if (status === 200) return size;
  return status === 206 && contentRange === undefined ? bytes : undefined;
}

/** The part that the server set out to send. Undefined if the log does not tell, or it is of another version. */
function rangeIn(
  { status, contentRange }: DeliveryReport,
  { size, first, bytes }: Transfer,
  isSeveral: boolean,
): Part | undefined {
  if (status === 200) return size === undefined ? undefined : { start: 0, end: size };
  if (status !== 206) return undefined;
  if (contentRange === undefined)
    return bytes === undefined || isSeveral ? undefined : { start: first, end: first + bytes };
  const [, start, last, total] = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(contentRange) ?? [];
  if (start === undefined || Number(total) !== size || Number(last) >= (size ?? 0)) return undefined;
  return { start: Number(start), end: Number(last) + 1 };
}
