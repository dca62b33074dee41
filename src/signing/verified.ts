import { sharedWeakMap } from "../responses/shared-state.ts";
import type { VerifiedSignature } from "./url-verifier.ts";

/** A map, because request objects belong to the frameworks. An entry is garbage-collected with its request. */
const verifications = sharedWeakMap<object, VerifiedSignature>("verifications");

export function rememberVerification(request: object, verification: VerifiedSignature): void {
  verifications.set(request, verification);
}

/** Returns the signature that `signatureRequired` verified for this request. Undefined outside of `signatureRequired`. */
export function verifiedSignature(request: object): VerifiedSignature | undefined {
  return verifications.get(request);
}

/** Marks handlers that `signatureRequired` returned. */
const requiresSignature: unique symbol = Symbol.for("downloadview.requiresSignature") as never;

export function markSignatureRequired<H extends object>(handler: H): H {
  return Object.assign(handler, { [requiresSignature]: true });
}

/** Whether `signatureRequired` returned `handler`. */
export function isSignatureRequired(handler: object): boolean {
  return requiresSignature in handler;
}
