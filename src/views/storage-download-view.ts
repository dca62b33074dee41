import { FileNotFoundError, InvalidPathError, ImproperlyConfiguredError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { hasEncodedSeparator } from "../http/url-path.ts";
import { StorageFile } from "../storages/storage-file.ts";
import type { Storage } from "../storages/storage.ts";
import { answersByItself, BaseDownloadView } from "./base-download-view.ts";

/**
 * Serves a file by its name in a storage. The name is `path`, or the URL parameter `pathParam` where the route has
 * one, or what `getPath()` makes of them. A name with a separator that was encoded in the URL (`admin%2Fsecret.txt`) is a
 * 404: a guard on `/admin/*` has not seen it.
 *
 * @example
 * ```ts
 * import { MemoryStorage, StorageDownloadView } from "downloadview";
 *
 * const storage = new MemoryStorage();
 * await storage.save("hello.txt", "Hello world!");
 * const handler = StorageDownloadView.asView({ storage });
 * const request = new Request("http://localhost/hello.txt");
 * const result = await handler(request, { params: { path: "hello.txt" }, native: undefined });
 * console.assert(!(result instanceof Response) && result.status === 200);
 * ```
 */
export class StorageDownloadView<C = unknown> extends BaseDownloadView<C> {
  storage: Storage | undefined = undefined;
  /** The name in the storage, when the URL does not give one. */
  path: string | undefined = undefined;
  /** The URL parameter that gives the name. */
  pathParam = "path";

  override checkConfiguration(): void {
    super.checkConfiguration();
    if (!this.storage && !answersByItself(this, StorageDownloadView)) {
      throw new ImproperlyConfiguredError(`${this.constructor.name} needs a storage: asView({ storage: new … })`);
    }
    if (this.path === "") throw new ImproperlyConfiguredError(`${this.constructor.name} has an empty path`);
  }

  getPath(): string | undefined | Promise<string | undefined> {
    return this.params[this.pathParam] ?? this.path;
  }

  override getFile(): DownloadFile | Promise<DownloadFile> {
    return this.#findFile();
  }

  async #findFile(): Promise<DownloadFile> {
    const path = await this.getPath();
    if (!path || !this.storage) throw new FileNotFoundError();
    if (hasEncodedSeparator(this.request.url, path)) throw new InvalidPathError();
    return new StorageFile(this.storage, path);
  }
}
