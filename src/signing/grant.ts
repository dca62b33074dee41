import type { DownloadCharge, GrantResult } from "./download-counter.ts";

/**
 * One use of a link: one client's bytes of one version, once. The rules below exist twice, here and in the Lua of
 * `redis/download-counter.ts`; `tests/signing/download-counter-contract.ts` holds both to the same table.
 */
export interface Grant {
  /** Of the version that is downloaded. Undefined until the first charge. */
  size: number | undefined;
  version: string | undefined;
  /** Bytes of transfers that ended completely. They are never sent again. */
  delivered: number;
  /** Bytes of transfers that are under way, or that another server sends. */
  open: number;
  /** What transfers that broke off had sent, as a multiple of the size. */
  lost: number;
  /** Requests that are not charged yet. */
  held: number;
  /** Requests that have not ended, charged or not. */
  requests: number;
  /** Whether the use stays used when nothing is under way. */
  counts: boolean;
  expiresAt: number;
}

export function newGrant(): Grant {
  return {
    size: undefined,
    version: undefined,
    delivered: 0,
    open: 0,
    lost: 0,
    held: 0,
    requests: 0,
    counts: false,
    expiresAt: 0,
  };
}

/** Requests of one grant that may be on their way to their charge at once, for each whole of its bytes. */
const maxHeld = 32;

/** Whether a request can share the grant, as far as that can be told before its bytes are known. */
export function canJoin(grant: Grant, whole: boolean, restarts: number): boolean {
  if (whole) return grant.held === 0 && grant.delivered === 0 && grant.open === 0;
  return grant.held < maxHeld * (1 + restarts) && !isExhausted(grant);
}

/** Adds a request that is not charged yet. */
export function hold(grant: Grant, expiresAt: number): void {
  grant.held += 1;
  grant.requests += 1;
  grant.expiresAt = expiresAt;
}

/** Takes back a {@link hold}. */
export function release(grant: Grant): void {
  grant.held = Math.max(0, grant.held - 1);
  grant.requests = Math.max(0, grant.requests - 1);
}

// Sums of shares of a size are not exact.
const tolerance = 1e-9;

/** Reserves the bytes of a request, if the grant has as many left. */
export function reserve(grant: Grant, charge: DownloadCharge, restarts: number): boolean {
  const { bytes, size, resumes, probe } = charge;
  if (!isSameVersion(grant, charge) && grant.delivered + grant.open > 0) return false;
  const excess = probe ? 0 : Math.max(0, grant.delivered + grant.open + bytes - size);
  // Beside a transfer under way only a later part is sent: the client has given that transfer up and goes on, whether we
  // have noticed or not. From that part on, the other one's bytes are taken for lost.
  if (excess > 0 && (!resumes || excess > grant.open)) return false;
  if (grant.lost + (grant.delivered + grant.open + bytes) / size > 1 + restarts + tolerance) return false;
  grant.size = size;
  grant.version = charge.version ?? grant.version;
  grant.lost += (probe ? bytes : excess) / size;
  grant.open += (probe ? 0 : bytes) - excess;
  return true;
}

/** Whether the grant is for these bytes, or for none yet. A file without a strong entity tag is told by its size. */
function isSameVersion({ size, version }: Grant, charge: DownloadCharge): boolean {
  if (size === undefined) return true;
  return size === charge.size && (version === undefined || charge.version === undefined || version === charge.version);
}

/** Ends a request. */
export function settle(grant: Grant, { kind, charge, sent, counts, now, grantLife }: GrantResult): void {
  grant.counts ||= counts;
  grant.expiresAt = now + grantLife;
  if (charge === undefined) return release(grant);
  grant.requests = Math.max(0, grant.requests - 1);
  if (charge.probe || kind === "handedOver") return;
  grant.open = Math.max(0, grant.open - charge.bytes);
  if (kind === "complete") grant.delivered += charge.bytes;
  if (kind === "broken") grant.lost += sent / charge.size;
}

/** Whether the use of the grant is to be given back. */
export function isUnused({ requests, counts }: Grant): boolean {
  return requests === 0 && !counts;
}

/** Whether the client has all bytes of the grant. */
export function isExhausted({ size, delivered }: Grant): boolean {
  return size !== undefined && delivered >= size;
}

/** A transfer under way keeps its grant, however long it takes. */
export function isExpired({ requests, expiresAt }: Grant, now: number): boolean {
  return requests === 0 && expiresAt <= now;
}
