import type { VerifiedSignature } from "./url-verifier.ts";

// Beside the request rather than in it: requests are the frameworks' objects. Gone with the request.
const verifications = new WeakMap<object, VerifiedSignature>();

export function rememberVerification(request: object, verification: VerifiedSignature): void {
  verifications.set(request, verification);
}

/** The signature that `signatureRequired` found on this request, for the handlers within it. */
export function verifiedSignature(request: object): VerifiedSignature | undefined {
  return verifications.get(request);
}
