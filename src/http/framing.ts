/**
 * Fields that frame a message or manage one connection (RFC 9110 §7.6.1, RFC 9112 §6.1). The server that sends a response
 * writes its own: those of another response would tell the client that the body ends elsewhere, and what follows on the
 * connection may be the response to another client.
 */
const framing = /^(?:connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

/** Tells whether only the server that sends a response can set the field. */
export function isFramingField(name: string): boolean {
  return framing.test(name);
}
