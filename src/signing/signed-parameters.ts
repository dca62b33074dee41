/** The parameters that the signer adds to a URL. It refuses to sign a URL that already has one. */
export const signatureParameter = "X-Signature";
export const expiresParameter = "X-Expires";
export const headersParameter = "X-Signed-Headers";
export const ipPrefixParameter = "X-Ip-Prefix";
export const dispositionParameter = "X-Disposition";
export const filenameParameter = "X-Filename";
export const contentTypeParameter = "X-Content-Type";
export const grantParameter = "X-Grant";
export const cacheControlParameter = "X-Cache-Control";

export const reservedParameters: ReadonlySet<string> = new Set([
  signatureParameter,
  expiresParameter,
  headersParameter,
  ipPrefixParameter,
  dispositionParameter,
  filenameParameter,
  contentTypeParameter,
  cacheControlParameter,
  grantParameter,
]);
