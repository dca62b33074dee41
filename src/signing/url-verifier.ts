import type { GrantKind } from "./prefix-grant.ts";
import type { DispositionType } from "../http/content-disposition.ts";

/** The part of a request that a signature may depend on. A fetch `Request` is one. */
export interface SignedRequest {
  /** Absolute, or as it stands in the request line. */
  readonly url: string;
  /** Default `GET`. */
  readonly method?: string;
  readonly headers?: { get(name: string): string | null };
}

/** What the verifier knows, and a signature doesn't say of itself. */
export interface VerifyOptions {
  /** What the link is for. A signature made for another purpose is invalid. */
  readonly purpose?: string | undefined;
  /** The client's address. Without one, no signature that is bound to addresses is valid. */
  readonly ip?: string | undefined;
  /** For how many seconds after its end a signature is still told from others, as `expired`. Default 0. */
  readonly expiredFor?: number | undefined;
}

/** How a signed link has its file presented. The signature covers it: a client can change none of it. */
export interface ResponseOverrides {
  readonly disposition?: DispositionType;
  readonly filename?: string;
  readonly contentType?: string;
  readonly cacheControl?: string;
}

export type Verification = VerifiedSignature | RefusedSignature;

export interface VerifiedSignature {
  readonly ok: true;
  /** The signature itself: it tells this link from every other. */
  readonly signature: string;
  /** From this moment on the link no longer works. A link without one always does. */
  readonly expiresAt?: Date;
  readonly response?: ResponseOverrides;
  /** Until when the rest of a download is served, if `signatureRequired` has `resumeFor`. */
  readonly resumableUntil?: Date;
  /** Whether it has ended, and was verified only because of {@link VerifyOptions.expiredFor}. */
  readonly expired?: true;
  /** The grant that the request showed in place of a signature of its own URL. */
  readonly grant?: VerifiedGrant;
}

export interface VerifiedGrant {
  readonly as: GrantKind;
  /** The folder that it is for: a path that ends in a slash. */
  readonly prefix: string;
  /** The grant as it stands in the request. */
  readonly token: string;
}

export interface RefusedSignature {
  readonly ok: false;
  /** For the log. A client learns only that it may not: the reason would tell it what to try next. */
  readonly reason: RefusalReason;
}

/** `expired` is said only of a signature that was valid once. */
export type RefusalReason = "missing" | "expired" | "invalid";

/** Checks signed URLs: `URLSigner`, `DjangoURLSigner`, or one of your own. */
export interface URLVerifier {
  verify(request: SignedRequest, options?: VerifyOptions): Promise<Verification>;
  /** Checks a grant for the folder that the URL is in. A verifier that has none knows no grants. */
  verifyGrant?(request: SignedRequest, options?: VerifyOptions): Promise<Verification>;
}

export function refused(reason: RefusalReason): RefusedSignature {
  return { ok: false, reason };
}
