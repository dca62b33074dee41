import type { DownloadCharge, GrantResult } from "./download-counter.ts";

/**
 * One use of a link: one client's bytes of one version, once. The rules below exist twice, here and in the Lua of
 * `redis/download-counter.ts`; `tests/signing/download-counter-contract.ts` holds both to the same table.
 */
export interface Grant {
  /** Size of the downloaded version in bytes. Undefined until the first charge. */
  size: number | undefined;
  version: string | undefined;
  /** Bytes of transfers that ended completely. They are never sent again. */
  delivered: number;
  /** Bytes of running transfers, and of those that another server sends. */
  open: number;
  /** Bytes that broken transfers had sent, as a multiple of the size. */
  lost: number;
  /** Requests that are not charged yet. */
  held: number;
  /** Requests that have not ended, charged or not. */
  requests: number;
  /** Whether the use stays used when no request is running. */
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

/** Maximum number of requests of one grant that are not charged yet, for each time that its bytes may be sent. */
const maxHeld = 32;

/** Whether a request may share the grant. Its bytes are not known yet. */
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

/** Undoes a {@link hold}. */
export function release(grant: Grant): void {
  grant.held = Math.max(0, grant.held - 1);
  grant.requests = Math.max(0, grant.requests - 1);
}

// Sums of fractions are not exact in floating point.
const tolerance = 1e-9;

/** Reserves the bytes of a request. Returns false if the grant has fewer left. */
export function reserve(grant: Grant, charge: DownloadCharge, restarts: number): boolean {
  const { bytes, size, resumes, probe } = charge;
  if (!isSameVersion(grant, charge) && grant.delivered + grant.open > 0) return false;
  const excess = probe ? 0 : Math.max(0, grant.delivered + grant.open + bytes - size);
  // During a running transfer, only a later part may be requested: the client has given up that transfer and resumes, but
  // the server may not have noticed. The bytes of the other transfer from that part on count as lost.
  if (excess > 0 && (!resumes || excess > grant.open)) return false;
  if (grant.lost + (grant.delivered + grant.open + bytes) / size > 1 + restarts + tolerance) return false;
  grant.size = size;
  grant.version = charge.version ?? grant.version;
  grant.lost += (probe ? bytes : excess) / size;
  grant.open += (probe ? 0 : bytes) - excess;
  return true;
}

/** Whether the grant is for this version, or has no version yet. Without a strong entity tag, the size identifies it. */
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

/** Whether the use of the grant is returned to the link. */
export function isUnused({ requests, counts }: Grant): boolean {
  return requests === 0 && !counts;
}

/** Whether the client has all bytes of the grant. */
export function isExhausted({ size, delivered }: Grant): boolean {
  return size !== undefined && delivered >= size;
}

/** Whether the grant has expired. It never expires during a transfer. */
export function isExpired({ requests, expiresAt }: Grant, now: number): boolean {
  return requests === 0 && expiresAt <= now;
}
