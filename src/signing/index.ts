export { SignedStorage, type SignedStorageOptions, type UrlSigning } from "../storages/signed-storage.ts";
export { DjangoUrlSigner, type DjangoUrlSignerOptions } from "./django-url-signer.ts";
export type { DownloadCounter, DownloadTerms, GrantResult } from "./download-counter.ts";
export { limitedDownloads, type LimitedDownloadsOptions } from "./limited-downloads.ts";
export { MemoryDownloadCounter, type MemoryDownloadCounterOptions } from "./memory-download-counter.ts";
export { signatureRequired, type SignatureRequiredOptions } from "./signature-required.ts";
export { UrlSigner, type SignOptions, type UrlSignerOptions } from "./url-signer.ts";
export type {
  RefusalReason,
  RefusedSignature,
  ResponseOverrides,
  SignedRequest,
  UrlVerifier,
  Verification,
  VerifiedSignature,
  VerifyOptions,
} from "./url-verifier.ts";
export { verifiedSignature } from "./verified.ts";
