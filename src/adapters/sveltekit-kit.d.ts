/** What the adapter needs of SvelteKit, which cannot be installed beside TypeScript 7. */
declare module "@sveltejs/kit" {
  export function error(status: number, message?: string): never;
}
