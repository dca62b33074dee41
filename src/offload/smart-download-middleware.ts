import { debug as writeDebug } from "../diagnostics.ts";
import type { DownloadFile } from "../files/download-file.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import { ownResponse } from "../responses/own-response.ts";
import type { DownloadMiddleware, DownloadResult } from "../responses/handler.ts";
import type { OffloadBackend } from "./contract.ts";
import { compileRules, partBelow, targetAt, type CompiledRule, type Target } from "./compiled-rule.ts";
import { offloadArchive } from "./archive-manifest.ts";
import type { OffloadedDownloadResponse } from "./offloaded-download-response.ts";
import { locateUrl } from "./path-prefix.ts";
import { placeOf, RuleIndex } from "./rule-index.ts";
import type { OffloadRule } from "./rule.ts";

export interface SmartDownloadOptions {
  /**
   * The server in front of the application. `"none"`: the application sends every file itself. Required, unless each rule
   * has its own.
   */
  readonly backend?: OffloadBackend | "none";
  /** The files that the server sends. The first rule that matches wins. */
  readonly rules: readonly OffloadRule[];
  /** Called once, when no rule matches a file. Default: the debug log of Node, with `NODE_DEBUG=downloadview`. */
  readonly debug?: (message: string) => void;
}

/**
 * Makes a middleware with which the server in front of the application sends the files that a rule matches. The application
 * sends all other files.
 * @throws {ImproperlyConfiguredError} if a rule can never work
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
  const compiled = new RuleIndex(compileRules(rules, backend));
  const log = debugOnce(debug);
  if (backend === "none") return (response) => response;
  const streamed = Object.entries(backend?.streamed ?? {});
  const locate = (file: DownloadFile): string | undefined => internalUrl(compiled, file);
  return async (result, request) => {
    if (result.status !== 200) return result;
    const response = ownResponse(result, request);
    const archive = backend?.archives ? await offloadArchive(response, request, locate) : undefined;
    if (archive) return archive;
    const { file } = response;
    const first = compiled.firstFor(file);
    const signed = compiled.presigned.length > 0 ? await signedMatch(file, compiled, first) : undefined;
    const match = signed ?? (first === undefined ? undefined : matchOf(compiled.rules[first]!, file));
    const offloaded = match && offload(response, match);
    if (offloaded) return offloaded;
    log(`No offload rule matches ${whereabouts(file)}: the application sends it`);
    for (const [name, value] of streamed) if (!response.headers.has(name)) response.headers.set(name, value);
    return response;
  };
}

/** Returns a log that writes its first message only. */
function debugOnce(log: ((message: string) => void) | undefined): (message: string) => void {
  let said = false;
  return (message) => {
    if (said) return;
    said = true;
    if (log) log(message);
    else writeDebug(() => message);
  };
}

interface Match {
  readonly rule: CompiledRule;
  readonly target: Target;
  readonly signedUrl?: string;
}

function matchOf(rule: CompiledRule, file: DownloadFile): Match | undefined {
  const target = targetOf(rule, file);
  return target && { rule, target };
}

/**
 * Returns the first presigned rule, if it comes before `plain`, the first of the others that matches. Else the storage does
 * not sign a URL.
 */
async function signedMatch(
  file: DownloadFile,
  { rules, presigned }: RuleIndex,
  plain: number = Infinity,
): Promise<Match | undefined> {
  let first = plain;
  let signedUrl: string | undefined;
  for (const group of presigned) {
    if (group.first > first) break;
    const url = await urlOf(file, group.signedFor);
    const number = url === undefined ? Infinity : group.urls.firstAbove(locateUrl(url));
    if (url !== undefined && number < first) [first, signedUrl] = [number, new URL(url).href];
  }
  const rule = rules[first];
  if (!rule || signedUrl === undefined) return undefined;
  return { rule, target: targetAt(`${rule.destination}/`, rule.backend), signedUrl };
}

function offload(response: DownloadResponse, { rule, target, signedUrl }: Match): DownloadResult | undefined {
  const { backend } = rule;
  if (backend === "none" || !canLimit(backend, response)) return undefined;
  return respond(rule, backend, response, target, signedUrl);
}

function respond(
  rule: CompiledRule,
  backend: OffloadBackend,
  response: DownloadResponse,
  { name, encoded }: Target,
  signedUrl?: string,
): OffloadedDownloadResponse | undefined {
  if (encoded === undefined) return undefined;
  const signed = signedUrl === undefined ? {} : { signedUrl };
  const offloaded = backend.respond(response, { target: name, encoded, rule: rule.rule, ...signed });
  // Swift, Azure and GCS ignore If-Range: to a stale one, they answer with a part of the new object.
  offloaded.ignoresIfRange = backend.ignoresIfRange || isRemote(rule);
  offloaded.locate = (path) => {
    const target = rule.targetOfPath(path);
    return (target && respond(rule, backend, response, target)?.headers.get(backend.header)) || undefined;
  };
  return offloaded;
}

/** Returns the internal URL of a file on a server that makes archives. Undefined if another rule matches the file first. */
function internalUrl(index: RuleIndex, file: DownloadFile): string | undefined {
  const first = index.firstFor(file);
  const rule = first === undefined ? undefined : index.rules[first];
  if (!rule || index.presigned.some((group) => group.first < first!)) return undefined;
  return rule.backend !== "none" && rule.backend.archives ? targetOf(rule, file)?.encoded : undefined;
}

function isRemote({ signedFor, sourceUrl }: CompiledRule): boolean {
  return signedFor !== undefined || (sourceUrl !== undefined && sourceUrl.origin !== "");
}

function canLimit({ options }: OffloadBackend, { limitRate, pace }: DownloadResponse): boolean {
  return (limitRate === undefined && pace === undefined) || options.includes("limitRate");
}

function targetOf(rule: CompiledRule, file: DownloadFile): Target | undefined {
  // A storage may have to work for its URL: only a rule that looks at it asks.
  const url = rule.sourceUrl && placeOf(file, "url");
  const path = rule.sourceDir && placeOf(file, "path");
  const below = url === undefined ? undefined : partBelow(rule.sourceUrl, locateUrl(url));
  if (below) return targetAt([rule.destination, ...below].join("/"), rule.backend);
  return path === undefined ? undefined : rule.targetOfPath(path);
}

async function urlOf(file: DownloadFile, expiresIn: number): Promise<string | undefined> {
  return file.signedUrl ? file.signedUrl({ expiresIn }) : placeOf(file, "url");
}

function whereabouts(file: DownloadFile): string {
  const places = [placeOf(file, "path"), placeOf(file, "url")].filter((place) => place !== undefined);
  return places.length === 0 ? `${JSON.stringify(file.name)}, which has neither path nor url` : places.join(" or ");
}
