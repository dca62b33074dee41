import { offloadFields } from "../../http/offload-fields.ts";
import type { CompiledRule } from "../compiled-rule.ts";
import { folderOf, lines } from "../server-configuration.ts";
import { variable, verified } from "./directives.ts";
import { hiddenFields, policyFields } from "./fields.ts";
import type { NginxOptions } from "./index.ts";

/** Whether nginx fetches the files of a rule from a storage, instead of reading them from a folder. */
export function isRemote(rule: CompiledRule): boolean {
  return rule.signedFor !== undefined || folderOf(rule) === undefined;
}

/** The `upstream` of a storage. False if the rule has none: nginx then looks up its host itself. */
export function remoteUpstream(compiled: CompiledRule, at: number, { resolver }: NginxOptions): string | false {
  if (!isRemote(compiled) || resolver !== undefined) return false;
  const { rule } = compiled;
  const { protocol, hostname, port } = new URL(rule.sourceUrl ?? "");
  return lines(
    "# nginx looks up the addresses once, when it starts. With a resolver, it looks them up again when they expire.",
    `upstream downloadview_remote_${at} {`,
    `  server ${hostname}:${port || (protocol === "https:" ? 443 : 80)};`,
    "  keepalive 64;",
    "}",
  );
}

const accelFields = offloadFields.filter((field) => field.startsWith("X-Accel-"));

/** What is in the location of files that nginx fetches from a storage. */
export function remoteFile({ rule, signedFor }: CompiledRule, at: number | undefined, options: NginxOptions): string {
  const url = new URL(rule.sourceUrl ?? "");
  const host = storeHost(url, at, options);
  const own = [...policyFields, ...(options.headers ?? [])];
  return lines(
    "# Once the storage has answered, the fields of the application can no longer be read.",
    ...own.map((field, number) => `set $downloadview_${number} $upstream_http_${variable(field)};`),
    ...(signedFor === undefined ? [] : signedPath(url, "$upstream_http_x_remote_url")),
    ...fetching(url, at, options),
    signedFor === undefined
      ? `proxy_pass ${url.protocol}//${host}${url.pathname.replace(/\/*$/, "/")};`
      : `proxy_pass ${url.protocol}//${host}$downloadview_path;`,
    ...hiding(own, options),
    ...own.map((field, number) => `add_header ${field} $downloadview_${number} always;`),
    ...storeErrors([304, 412]),
  );
}

/** The host that nginx connects to: an upstream, or a name that its resolver looks up. */
export function storeHost(url: URL, at: number | undefined, { resolver }: NginxOptions): string {
  return resolver === undefined && at !== undefined ? `downloadview_remote_${at}` : url.host;
}

/** How nginx asks the storage: without anything of the client but its range. */
export function fetching(url: URL, at: number | undefined, options: NginxOptions): string[] {
  return [
    "# One range only. To several ranges a storage answers with its own Content-Type, which has the boundary between the",
    "# parts, and nginx would drop it.",
    'set $downloadview_range "";',
    'if ($http_range ~ "^bytes=[0-9]*-[0-9]*$") { set $downloadview_range $http_range; }',
    "proxy_http_version 1.1;",
    ...(url.protocol === "https:" ? verified(url.hostname, options) : []),
    "# The storage gets the client's Range and preconditions and nothing else: no cookie, no credentials.",
    "proxy_pass_request_headers off;",
    "proxy_pass_request_body off;",
    `proxy_set_header Host ${url.host};`,
    'proxy_set_header Connection "";',
    'proxy_set_header Content-Length "";',
    "proxy_set_header Range $downloadview_range;",
    "proxy_set_header If-Range $http_if_range;",
    "# A slow client must not fill the disk.",
    "proxy_max_temp_file_size 0;",
    "# A cache would store the file under the client's URL, which may be another file for another user.",
    "proxy_cache off;",
    "# A storage must not redirect nginx to another file: without this line, nginx obeys its X-Accel-Redirect.",
    `proxy_ignore_headers ${accelFields.join(" ")};`,
  ];
}

/** Drops the fields of the storage that a client must not see. `own` are those that the application has set. */
export function hiding(own: readonly string[], { hidden = [] }: NginxOptions): string[] {
  const names = new Map(
    [...offloadFields, ...hiddenFields, ...hidden, ...own].map((field) => [field.toLowerCase(), field]),
  );
  return [
    "# Only the storage's fields that describe the bytes reach the client.",
    "proxy_headers_hash_max_size 2048;",
    "proxy_headers_hash_bucket_size 128;",
    ...[...names.values()].map((field) => `proxy_hide_header ${field};`),
  ];
}

/**
 * Answers to the errors of a storage.
 * @param unasked - answers to preconditions, where the storage gets none
 */
export function storeErrors(unasked: readonly number[]): string[] {
  return [
    "# An error page or a redirect of the storage contains its keys and buckets.",
    "proxy_intercept_errors on;",
    `error_page 400 401 403 404 405 410 = @downloadview_missing;`,
    `error_page 416 = @downloadview_unsatisfied;`,
    `error_page 300 301 302 303 305 307 308 402 406 407 408 409 411 413 414 415 417 421 422 423 424 425 426 = @downloadview_failed;`,
    ...unasked.map((status) => `error_page ${status} = @downloadview_failed;`),
    `error_page 428 429 431 451 500 501 502 503 504 505 506 507 508 510 511 = @downloadview_failed;`,
  ];
}

/** Sets `$downloadview_path` to the path and query of the signed URL in the variable `field`. */
export function signedPath(url: URL, field: string): string[] {
  const origin = url.origin.replaceAll(/[.[\]]/g, String.raw`\$&`);
  return [
    "# Only this storage: a field that an attacker got past the application must not send nginx to another host.",
    "# A named capture: nginx would encode a numbered one once more.",
    `if (${field} !~ "^${origin}(?<downloadview_path>/.*)$") { return 403; }`,
  ];
}
