import type { GrantKind } from "./prefix-grant.ts";
import type { DispositionType } from "../http/content-disposition.ts";

/** The part of a request that a signature may depend on. A fetch `Request` is one. */
export interface SignedRequest {
  /** An absolute URL, or the path and query. */
  readonly url: string;
  /** Default `GET`. */
  readonly method?: string;
  readonly headers?: { get(name: string): string | null };
}

/** Facts that the signature does not contain. */
export interface VerifyOptions {
  /** The purpose of the link. A signature for another purpose is invalid. Default: none. */
  readonly purpose?: string | undefined;
  /** The client's address. If it is undefined, signatures that are bound to addresses are invalid. */
  readonly ip?: string | undefined;
  /** How long after its expiry a signature is still verified, with `expired: true`, in seconds. Default 0. */
  readonly expiredFor?: number | undefined;
}

/** How the response of a signed link presents the file. The signature covers it, so that no client can change it. */
export interface ResponseOverrides {
  readonly disposition?: DispositionType;
  readonly filename?: string;
  readonly contentType?: string;
  readonly cacheControl?: string;
}

export type Verification = VerifiedSignature | RefusedSignature;

export interface VerifiedSignature {
  readonly ok: true;
  /** The signature itself. It identifies the link. */
  readonly signature: string;
  /** From this moment on the link no longer works. Undefined if it never expires. */
  readonly expiresAt?: Date;
  readonly response?: ResponseOverrides;
  /** Until when an expired link serves the rest of a download, if `signatureRequired` has `resumeFor`. */
  readonly resumableUntil?: Date;
  /** Whether it has expired, and was verified only because of {@link VerifyOptions.expiredFor}. */
  readonly expired?: true;
  /** The grant of the request, if it has a grant instead of a signature. */
  readonly grant?: VerifiedGrant;
}

export interface VerifiedGrant {
  readonly as: GrantKind;
  /** The folder of the grant: a path that ends in a slash. */
  readonly prefix: string;
  /** The token in the request. */
  readonly token: string;
}

export interface RefusedSignature {
  readonly ok: false;
  /** For the log. The client gets the same 403 for each reason: the reason would tell an attacker what to try next. */
  readonly reason: RefusalReason;
}

/** Why a request was refused. `expired`: the signature was valid before. */
export type RefusalReason = "missing" | "expired" | "invalid";

/** Verifies signed URLs, such as `URLSigner` and `DjangoURLSigner`. */
export interface URLVerifier {
  /** Verifies the signature of a URL. */
  verify(request: SignedRequest, options?: VerifyOptions): Promise<Verification>;
  /** Verifies a grant for the folder of the URL. A verifier without this method supports no grants. */
  verifyGrant?(request: SignedRequest, options?: VerifyOptions): Promise<Verification>;
}

export function refused(reason: RefusalReason): RefusedSignature {
  return { ok: false, reason };
}
