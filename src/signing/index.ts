export { SignedStorage, type SignedStorageOptions, type URLSigning } from "./signed-storage.ts";
export { DjangoURLSigner, type DjangoUrlSignerOptions } from "./django-url-signer.ts";
export type { DownloadCharge, DownloadCounter, DownloadTerms, GrantResult } from "./download-counter.ts";
export { MemorySentVersions, type MemorySentVersionsOptions, type SentVersions } from "./sent-versions.ts";
export type { GrantCookieOptions, GrantKind, GrantOptions, PrefixGrant } from "./prefix-grant.ts";
export { limitedDownloads, type LimitedDownloadsOptions } from "./limited-downloads.ts";
export { MemoryDownloadCounter, type MemoryDownloadCounterOptions } from "./memory-download-counter.ts";
export { signatureRequired, type SignatureRequiredOptions } from "./signature-required.ts";
export { URLSigner, type SignOptions, type URLSignerOptions } from "./url-signer.ts";
export type {
  RefusalReason,
  RefusedSignature,
  ResponseOverrides,
  SignedRequest,
  URLVerifier,
  Verification,
  VerifiedGrant,
  VerifiedSignature,
  VerifyOptions,
} from "./url-verifier.ts";
export { verifiedSignature } from "./verified.ts";
export { issueTickets, type TicketOptions, type Tickets } from "./tickets.ts";
