import { BaseDownloadView } from "./base-download-view.ts";

/**
 * Serves what does not live on disk: generated or held in memory. Override `getFile()`, usually with a `VirtualFile`.
 *
 * @example
 * ```ts
 * import { VirtualDownloadView, VirtualFile } from "downloadview";
 *
 * class CountView extends VirtualDownloadView {
 *   override getFile() {
 *     return new VirtualFile(
 *       function* () {
 *         for (let row = 1; row <= 1000; row += 1) yield `${row}\n`;
 *       },
 *       { name: "count.txt" },
 *     );
 *   }
 * }
 * const handler = CountView.asView({ attachment: false });
 * const result = await handler(new Request("http://localhost/count"), { params: {}, native: undefined });
 * console.assert("filename" in result && result.getFilename() === "count.txt");
 * ```
 */
export class VirtualDownloadView<C = unknown> extends BaseDownloadView<C> {}
