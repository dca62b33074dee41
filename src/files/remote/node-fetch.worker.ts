/** Worker runtimes connect to addresses by themselves: no check of ours comes between. */
export function nodeFetch(): undefined {
  return undefined;
}
