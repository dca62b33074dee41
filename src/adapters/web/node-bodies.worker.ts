/** No Worker shows a response of Node's: every body is memory or a web stream. */

export function pipedFile(): undefined {
  return undefined;
}

export function serverStream(): undefined {
  return undefined;
}
