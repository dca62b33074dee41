import { isDownloadError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import type { Storage } from "../storages/storage.ts";
import type { OffloadBackend } from "./backend.ts";
import { compileRules, type CompiledRule } from "./compiled-rule.ts";
import { debugOnce } from "./debug.ts";
import { locatePath, locateUrl, segmentsBelow, type Location } from "./path-prefix.ts";
import type { OffloadRule } from "./rule.ts";

export interface SmartDownloadOptions {
  /** The server in front of the application, or `"none"`: then the application sends every file itself. */
  readonly backend?: OffloadBackend | "none";
  /** Which files the server sends. The first that matches wins. */
  readonly rules: readonly OffloadRule[];
  /** Told, once, that no rule matches a file. Default: Node's own debug log, with `NODE_DEBUG=downloadview`. */
  readonly debug?: (message: string) => void;
}

/**
 * Has the server in front of the application send the files that a rule matches. What no rule matches, the application
 * sends.
 * @throws {ImproperlyConfiguredError} for a rule that cannot work
 *
 * @example
 * ```ts
 * import { download, LocalFile, smartDownloadMiddleware } from "downloadview";
 * import { nginx } from "downloadview/nginx";
 *
 * const middleware = smartDownloadMiddleware({
 *   backend: process.env.NODE_ENV === "development" ? "none" : nginx(),
 *   rules: [{ sourceDir: "/srv/media", destinationUrl: "/_downloads/" }],
 * });
 * const request = new Request("http://localhost/");
 * const media = await middleware(download(new LocalFile("/srv/media/a.pdf")), request);
 * console.assert(media.headers.get("X-Accel-Redirect") === "/_downloads/a.pdf");
 * const other = await middleware(download(new LocalFile("/srv/media-private/a.pdf")), request);
 * console.assert(other.headers.get("X-Accel-Redirect") === null);
 * ```
 */
export function smartDownloadMiddleware({ backend, rules, debug }: SmartDownloadOptions): DownloadMiddleware {
  const compiled = compileRules(rules, backend);
  const log = debugOnce(debug);
  if (backend === "none") return (response) => response;
  const streamed = Object.entries(backend?.streamed ?? {});
  return async (response) => {
    if (response.status !== 200) return response;
    const offloaded = await offload(response, compiled);
    if (offloaded) return offloaded;
    log(`No offload rule matches ${whereabouts(response.file)}: the application sends it`);
    for (const [name, value] of streamed) if (!response.headers.has(name)) response.headers.set(name, value);
    return response;
  };
}

async function offload(
  response: DownloadResponse,
  rules: readonly CompiledRule[],
): Promise<DownloadResult | undefined> {
  for (const rule of rules) {
    const signedUrl = await signedUrlFor(response, rule);
    const below = signedUrl === undefined ? match(rule, response.file) : [""];
    if (below === undefined) continue;
    if (rule.backend === "none" || !canLimit(rule.backend, response)) return undefined;
    const target = [rule.destination, ...below].join("/");
    const encoded = rule.backend.encode(target);
    if (encoded === undefined) return undefined;
    const signed = signedUrl === undefined ? {} : { signedUrl };
    const offloaded = rule.backend.respond(response, { target, encoded, rule: rule.rule, ...signed });
    offloaded.locate = (path) => fieldFor(path, rule, response);
    return offloaded;
  }
  return undefined;
}

/** What the field of a rule's server is for a path that the file is at after all. */
function fieldFor(path: string, rule: CompiledRule, response: DownloadResponse): string | undefined {
  const { backend } = rule;
  const below = matchPart(rule.sourceDir, locatePath(path));
  if (below === undefined || backend === "none") return undefined;
  const target = [rule.destination, ...below].join("/");
  const encoded = backend.encode(target);
  if (encoded === undefined) return undefined;
  return backend.respond(response, { target, encoded, rule: rule.rule }).headers.get(backend.header) ?? undefined;
}

function canLimit({ options }: OffloadBackend, { limitRate }: DownloadResponse): boolean {
  return limitRate === undefined || options.includes("limitRate");
}

function match(rule: CompiledRule, file: DownloadFile): readonly string[] | undefined {
  if (rule.signedFor !== undefined) return undefined;
  // A storage may have to work for its URL: only a rule that looks at it asks.
  const url = rule.sourceUrl && property(file, "url");
  const path = rule.sourceDir && property(file, "path");
  return (
    matchPart(rule.sourceUrl, url === undefined ? undefined : locateUrl(url)) ??
    matchPart(rule.sourceDir, path === undefined ? undefined : locatePath(path))
  );
}

function matchPart(prefix: Location | undefined, location: Location | undefined): readonly string[] | undefined {
  return prefix && location && segmentsBelow(prefix, location);
}

/** The URL that the file's storage signs, if the rule wants one and the storage is where the rule says. */
async function signedUrlFor(response: DownloadResponse, rule: CompiledRule): Promise<string | undefined> {
  if (rule.signedFor === undefined || !rule.sourceUrl) return undefined;
  const url = await urlOf(response.file, rule.signedFor);
  const location = url === undefined ? undefined : locateUrl(url);
  return url !== undefined && matchPart(rule.sourceUrl, location) ? new URL(url).href : undefined;
}

async function urlOf(file: DownloadFile, expiresIn: number): Promise<string | undefined> {
  const original = undescribed(file);
  const { storage } = original as { storage?: Storage };
  return storage?.url ? storage.url(original.name, { expiresIn }) : property(original, "url");
}

// The name under which a storage has a file is that of the file itself, whatever it was described as.
function undescribed(file: DownloadFile): DownloadFile {
  const { source } = file as { source?: DownloadFile };
  return source === undefined ? file : undescribed(source);
}

// A storage refuses a bad name when it is asked where the file is. The file says so again when it is read, with a 404.
function property(file: DownloadFile, name: "path" | "url"): string | undefined {
  try {
    return file[name];
  } catch (error) {
    if (isDownloadError(error)) return undefined;
    throw error;
  }
}

function whereabouts(file: DownloadFile): string {
  const places = [property(file, "path"), property(file, "url")].filter((place) => place !== undefined);
  return places.length === 0 ? `${JSON.stringify(file.name)}, which has neither path nor url` : places.join(" or ");
}
