/** A Worker runtime resolves names and connects itself, so this package cannot check the addresses. */
export function nodeFetch(): undefined {
  return undefined;
}
