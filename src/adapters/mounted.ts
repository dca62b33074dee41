import type { DownloadHandler } from "../responses/handler.ts";

/** Under which a mounted handler keeps the one that it mounts, so that it can be mounted elsewhere as well. */
export const mounted: unique symbol = Symbol.for("downloadview.mounted") as never;

/** A handler in the form that a framework or a runtime calls. */
export interface Mounted<C> {
  readonly [mounted]: DownloadHandler<C>;
}

/** The handler inside of another, if `handler` is such a one. */
export function unmounted<C>(handler: object): DownloadHandler<C> | undefined {
  return mounted in handler ? (handler[mounted] as DownloadHandler<C>) : undefined;
}
