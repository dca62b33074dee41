import { PermissionDeniedError } from "../errors.ts";
import type { DownloadOutcome } from "../responses/delivery.ts";
import type { Transfer } from "../responses/transfer.ts";
import type { DownloadCharge, DownloadCounter, DownloadTerms, GrantResult } from "./download-counter.ts";

/** How uses are counted. */
export interface UseRules {
  readonly counter: DownloadCounter;
  readonly count: "started" | "completed";
  /** How long after its last request a client may resume, in milliseconds. */
  readonly grantLife: number;
  readonly now: () => Date;
}

/** One request's part of a use. */
export class Use {
  readonly #rules: UseRules;
  readonly #link: string;
  readonly #terms: DownloadTerms;
  /** Undefined once the request has ended. */
  #grant: string | undefined;
  #charge: DownloadCharge | undefined;

  constructor(rules: UseRules, link: string, grant: string, terms: DownloadTerms) {
    this.#rules = rules;
    this.#link = link;
    this.#grant = grant;
    this.#terms = terms;
  }

  /** @throws {PermissionDeniedError} if neither the client's grants nor the link have as many bytes left */
  async charge(transfer: Transfer): Promise<void> {
    const grant = this.#grant;
    if (grant === undefined || this.#charge !== undefined) return;
    const charge = chargeOf(transfer);
    this.#charge = charge;
    const terms = { ...this.#terms, now: this.#rules.now().getTime() };
    this.#grant = await this.#rules.counter.charge(this.#link, grant, charge, terms);
    if (this.#grant === undefined) refuse("used");
  }

  /** Ends a request that another server answers. */
  async endHandedOver(transfer: Transfer): Promise<void> {
    await this.charge(transfer);
    await settled(this.#end("handedOver", 0, true));
  }

  endUnused(): Promise<void> {
    return settled(this.#end("unused", 0, false));
  }

  end(outcome: DownloadOutcome): Promise<void> {
    return settled(this.#endWith(outcome));
  }

  async #endWith({ kind, status, bytesSent }: DownloadOutcome): Promise<void> {
    // Bytes were sent without a charge: another kind of response has replaced the one that calls `beforeSend`.
    const unannounced = this.#charge === undefined && isSuccess(status) && (kind === "handedOver" || bytesSent > 0);
    if (unannounced) await this.charge(unknownTransfer);
    if (kind === "handedOver") return this.#end("handedOver", 0, true);
    if (this.#charge === undefined || (bytesSent === 0 && kind !== "completed")) return this.#end("unused", 0, false);
    if (kind === "completed") return this.#end("complete", this.#charge.bytes, true);
    return this.#end("broken", sentOf(this.#charge, bytesSent), this.#rules.count === "started");
  }

  async #end(kind: GrantResult["kind"], sent: number, counts: boolean): Promise<void> {
    const grant = this.#grant;
    if (grant === undefined) return;
    this.#grant = undefined;
    const { counter, now, grantLife } = this.#rules;
    const charge = this.#charge;
    await counter.end(this.#link, grant, { kind, charge, sent, counts, now: now().getTime(), grantLife });
  }
}

export function isSuccess(status: number): boolean {
  return status < 400 && status !== 304;
}

const unknownTransfer: Transfer = {
  kind: "handedOver",
  bytes: undefined,
  first: 0,
  size: undefined,
  version: undefined,
};

/** The charge, in parts, for a file of unknown size. A request that resumes it is charged one part. */
export const unknownSize = 32;
/** Players probe a few bytes before they request the rest. */
const maxProbeBytes = 1024;

function chargeOf({ bytes, first, size, version }: Transfer): DownloadCharge {
  const resumes = first > 0;
  // An empty file counts as one byte.
  if (size === 0) return { bytes: 1, size: 1, version, resumes: false, probe: false };
  if (size === undefined || bytes === undefined) {
    return { bytes: resumes ? 1 : unknownSize, size: unknownSize, version, resumes, probe: false };
  }
  return { bytes, size, version, resumes, probe: bytes <= maxProbeBytes && bytes <= size / 10 };
}

/** At most the charge: several ranges are sent with part heads, and the parts of an unknown size are not bytes. */
function sentOf({ bytes }: DownloadCharge, bytesSent: number): number {
  return Math.min(bytes, bytesSent);
}

/** Ignores a failure of the counter: the client already has its response, and the use stays counted. */
function settled(end: Promise<void>): Promise<void> {
  return end.catch(() => undefined);
}

export function refuse(cause: "used" | "preview"): never {
  throw new PermissionDeniedError("Forbidden", { cause });
}
