import type { DownloadHandler } from "../responses/handler.ts";

/** The key under which a mounted handler keeps the original, so that another adapter can mount it as well. */
export const mounted: unique symbol = Symbol.for("downloadview.mounted") as never;

/** A handler in the form that a framework or a runtime calls. */
export interface Mounted<C> {
  readonly [mounted]: DownloadHandler<C>;
}

/** The handler inside a mounted one; undefined if `handler` is not mounted. */
export function unmounted<C>(handler: object): DownloadHandler<C> | undefined {
  return mounted in handler ? (handler[mounted] as DownloadHandler<C>) : undefined;
}
