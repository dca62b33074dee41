import { ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadResult } from "../responses/handler.ts";
import { checkPresentation } from "../responses/presentation.ts";
import { DownloadMixin, type DownloadMembers } from "./download-mixin.ts";
import { View } from "./view.ts";

/** `DownloadMixin(View)`, with the framework's context kept in its type. */
const DownloadViewBase: Pick<typeof View, "asView"> & (new <C = unknown>() => View<C> & DownloadMembers) =
  DownloadMixin(View) as never;

/** A view whose `get()` does one thing: `renderToResponse()`. */
export class BaseDownloadView<C = unknown> extends DownloadViewBase<C> {
  get(): DownloadResult | Promise<DownloadResult> {
    return this.renderToResponse();
  }

  override checkConfiguration(): void {
    checkPresentation(this, this.constructor.name);
    if (!answersByItself(this, BaseDownloadView)) {
      throw new ImproperlyConfiguredError(
        `${this.constructor.name} needs a file: override getFile() { return new VirtualFile(content, { name }) }`,
      );
    }
  }
}

/**
 * Whether a view has another way to its file than that of `base`, so that it needs none of what `base` is configured
 * with: a `getFile()` of its own, one of the further `methods`, or another answer altogether.
 */
export function answersByItself<V extends BaseDownloadView>(
  view: V,
  base: { readonly prototype: V },
  ...methods: readonly (keyof V)[]
): boolean {
  const decisive: readonly (keyof V)[] = ["getFile", "renderToResponse", "get", ...methods];
  return decisive.some((name) => view[name] !== base.prototype[name]);
}
