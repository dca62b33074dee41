import type { DownloadResult } from "../responses/handler.ts";
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
}
