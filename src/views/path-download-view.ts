import { isAbsolute } from "node:path";
import type { Choice } from "../choice.ts";
import { FileNotFoundError, ImproperlyConfiguredError, InvalidPathError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { assertEntityTagOption, type EntityTagOption } from "../files/local/etag.ts";
import { LocalFile, type LocalFileOptions } from "../files/local/local-file.ts";
import { assertPrecompressed, PrecompressedFile, type PrecompressedCoding } from "../files/local/precompressed-file.ts";
import { hasEncodedSeparator } from "../http/url-path.ts";
import type { DownloadOptions } from "../responses/presentation.ts";
import type { DownloadResult } from "../responses/handler.ts";
import { assertDotfilePolicy, hasDeniedDotfile, type DotfilePolicy } from "../files/dotfiles.ts";
import { pathWithin } from "../files/local/root.ts";
import { answersByItself, BaseDownloadView } from "./base-download-view.ts";
import { routeParam } from "./view.ts";

/**
 * Serves a file by its path on this machine. With a `root`, `path` and the URL parameter are relative to it, and a file
 * outside it is never served, not by a symlink either. Without a `root`, the URL parameter is ignored. A path with
 * a separator that was encoded in the URL (`admin%2Fsecret.txt`) is a 404: a guard on `/admin/*` has not seen it.
 *
 * @example
 * ```ts
 * import { PathDownloadView } from "downloadview";
 *
 * const manual = PathDownloadView.asView({ path: "/srv/manual.pdf", attachment: false });
 * const documents = PathDownloadView.asView({ root: "/srv/documents" }); // mounted at /documents/*path
 *
 * const request = new Request("http://localhost/documents/2026/report.pdf");
 * const result = await documents(request, { params: { path: "2026/report.pdf" }, native: undefined });
 * console.assert("filename" in result && result.file.path === "/srv/documents/2026/report.pdf");
 * const shown = await manual(request, { params: {}, native: undefined });
 * console.assert("filename" in shown && !shown.attachment);
 * ```
 */
export class PathDownloadView<C = unknown> extends BaseDownloadView<C> {
  /** The file to serve: absolute, or relative to `root`. Default: what the URL names below `root`. */
  path: string | undefined = undefined;
  /** The folder that files are served from. Default: none, and then a `path` is needed. */
  root: string | undefined = undefined;
  /** The URL parameter with the path below `root`. Default: `"path"`. */
  pathParam = "path";
  /**
   * Whether a path may have a segment that begins with a dot: `"deny"`, `"allow"`, or a list of those that may be served, such
   * as `[".well-known"]`. Below a `root` it holds for what a symlink leads to as well, and is `"deny"` by default: such files
   * are rarely documents. Without a `root` the path is the application's own, and nothing is denied by default.
   */
  dotfiles: Choice<"deny" | "allow"> | readonly string[] | undefined = undefined;
  /**
   * How the entity tag is made, see `LocalFile`: a function, `"content"` for a hash of the bytes, `false` for none. Default:
   * nginx's own form.
   */
  etag: EntityTagOption | undefined = undefined;
  /**
   * The codings in which a compressed copy may lie beside a file, the server's preferred one first: with `["br", "gzip"]`, a
   * client that accepts `br` gets `a.txt.br` for `a.txt`. If you replace `a.txt`, replace `a.txt.br` too. Default: none.
   */
  precompressed: readonly Choice<PrecompressedCoding>[] = [];

  override checkConfiguration(): void {
    super.checkConfiguration();
    if (isUnusable(this.path) || isUnusable(this.root)) {
      throw new ImproperlyConfiguredError(
        `${this.constructor.name} has a path or a root that is empty or holds a NUL: is a setting missing?`,
      );
    }
    const owner = this.constructor.name;
    assertDotfilePolicy(this.dotfiles, owner);
    assertPrecompressed(this.precompressed, owner);
    if (this.etag !== undefined) assertEntityTagOption(this.etag, this.constructor.name);
    if (this.path ?? this.root ?? answersByItself(this, PathDownloadView, "getPath")) return;
    throw new ImproperlyConfiguredError(
      `${this.constructor.name} needs a path or a root: asView({ path: "/srv/manual.pdf" }) for one file, ` +
        `asView({ root: "/srv/documents" }) for files that the URL names`,
    );
  }

  /**
   * The path to serve. With a `root` the URL parameter comes first, then `path`.
   * @throws {InvalidPathError} if the URL parameter is an absolute path
   */
  getPath(): string | undefined | Promise<string | undefined> {
    if (this.root === undefined) return this.path;
    const named =
      this.path === undefined ? routeParam(this, [this.pathParam], "pathParam") : this.params[this.pathParam];
    // An absolute path that happens to be inside the root would be served, and so tell a client that guesses where the root is.
    if (named !== undefined && isAbsolute(named)) throw new InvalidPathError();
    return named ?? this.path;
  }

  override getFile(): DownloadFile | Promise<DownloadFile> {
    return this.#findFile();
  }

  async #findFile(): Promise<DownloadFile> {
    const named = this.getPath();
    const path = typeof named === "string" ? named : await named;
    if (!path) throw new FileNotFoundError(undefined, { cause: new Error("getPath() returned no path") });
    if (path.includes("\0") || hasEncodedSeparator(this.request.url, path)) throw new InvalidPathError();
    const { root, etag } = this;
    const dotfiles = (this.dotfiles ?? (root === undefined ? "allow" : "deny")) as DotfilePolicy;
    if (root === undefined && hasDeniedDotfile(path, dotfiles)) throw new InvalidPathError();
    const place = root === undefined ? path : pathWithin(root, path, dotfiles);
    const options: LocalFileOptions = root === undefined ? {} : { root, dotfiles };
    if (etag !== undefined) options.etag = etag;
    const codings = this.precompressed as readonly PrecompressedCoding[];
    if (codings.length === 0) return new LocalFile(place, options);
    return new PrecompressedFile(place, codings, this.request.headers.get("accept-encoding"), options);
  }

  override downloadResponse(options?: DownloadOptions): DownloadResult | Promise<DownloadResult> {
    const response = super.downloadResponse(options);
    return this.precompressed.length === 0 ? response : varying(response);
  }
}

// Also if there is no variant: there may be one tomorrow, and a cache must then request the file again.
async function varying(response: DownloadResult | Promise<DownloadResult>): Promise<DownloadResult> {
  const awaited = await response;
  awaited.headers.append("Vary", "Accept-Encoding");
  return awaited;
}

// An empty root would be the working directory, with the application's own sources in it.
function isUnusable(path: string | undefined): boolean {
  return path !== undefined && (path === "" || path.includes("\0"));
}
