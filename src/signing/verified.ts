import { sharedWeakMap } from "../responses/shared-state.ts";
import type { VerifiedSignature } from "./url-verifier.ts";

/** Beside the request rather than in it: requests are the frameworks' objects. An entry is collected with its request. */
const verifications = sharedWeakMap<object, VerifiedSignature>("verifications");

export function rememberVerification(request: object, verification: VerifiedSignature): void {
  verifications.set(request, verification);
}

/** The signature that `signatureRequired` found on this request, for the handlers within it. */
export function verifiedSignature(request: object): VerifiedSignature | undefined {
  return verifications.get(request);
}

/** Marks what `signatureRequired` returns. */
const requiresSignature: unique symbol = Symbol.for("downloadview.requiresSignature") as never;

export function markSignatureRequired<H extends object>(handler: H): H {
  return Object.assign(handler, { [requiresSignature]: true });
}

/** Whether `handler` is what `signatureRequired` returned. */
export function isSignatureRequired(handler: object): boolean {
  return requiresSignature in handler;
}
