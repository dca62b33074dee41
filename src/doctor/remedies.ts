import type { OffloadBackend } from "../offload/contract.ts";

/** What makes a server go wrong, and how to mend it, in the server's own words. */
export interface Remedies {
  /** The field for the server reaches the client, or the body is empty: the server does not act upon it. */
  readonly enable: string;
  /** It has no place under that name. */
  readonly locate: string;
  /** It has the place, and the file is not there. */
  readonly find: string;
  /** It may not read the file. */
  readonly read: string;
  /** Fields of the application are dropped. */
  readonly restore: string;
  /** The file can be asked for from outside. */
  readonly hide: string;
  /** It compresses the file. */
  readonly verbatim: string;
  /** It sends the file with an error. */
  readonly guard: string;
}

const nginx: Remedies = {
  enable: "Take away `proxy_ignore_headers X-Accel-Redirect`, and see that the request really goes through nginx.",
  locate:
    "No `location` of nginx's begins with this rule's destinationUrl, so nginx asked the application for it: write the " +
    "same URL in both.",
  find:
    "nginx looks into another folder than the application: compare `alias` with the storage's folder as nginx sees it " +
    "(another container, another mount?), and see that `location` and `alias` both end in a slash.",
  read: "nginx's user may not read the file: `chmod o+x` every folder above it, and `chmod o+r` the file.",
  restore:
    "Restore them in the internal location, with `add_header NAME $upstream_http_name always;`. One add_header in a " +
    "location switches off those above it. The generated configuration has the usual ones: name others in " +
    'nginx({ headers: ["X-…"] }).',
  hide: "Write `internal;` into the location.",
  verbatim: "write `gzip off;` into the internal location.",
  guard: 'Write `if ($upstream_status !~ "200$") { return 403; }` into the internal location.',
};

const apache: Remedies = {
  enable: "Enable mod_xsendfile (`a2enmod xsendfile`), and write `XSendFile On` where the application is proxied.",
  locate: "Write `XSendFilePath` with this rule's destinationDir.",
  find:
    "Apache finds nothing there, or may not send it: compare `XSendFilePath` and destinationDir with the folder as Apache " +
    "sees it. If only odd names fail, see whether `XSendFileUnescape` agrees with apache({ unescape }).",
  read: "Apache's user may not read the file: `chmod o+x` every folder above it, and `chmod o+r` the file.",
  restore: "A `Header unset` or `Header set` of Apache's replaces them: take it away for what the application sends.",
  hide: "Take away what serves this folder: an `Alias`, or a `DocumentRoot` above it.",
  verbatim: "write `SetEnv no-gzip 1` where the application is proxied, and remove `SetOutputFilter DEFLATE` there.",
  guard: "Write `Header unset X-Sendfile \"expr=%{REQUEST_STATUS} != '200'\"`.",
};

const lighttpd: Remedies = {
  enable: 'Write "x-sendfile" => "enable" into the proxy.server of the application.',
  locate: 'Write this rule\'s destinationDir, with a slash at the end, into "x-sendfile-docroot".',
  find:
    "lighttpd finds nothing there: compare destinationDir with the folder as lighttpd sees it (another container, another " +
    "mount?).",
  read:
    "lighttpd may not send the file: write this rule's destinationDir, with a slash at the end, into " +
    '"x-sendfile-docroot"; and let its user read the file and enter every folder above it.',
  restore: "A `setenv.set-response-header` or `proxy.header` of lighttpd's replaces them: take it away.",
  hide: "Take away what serves this folder: an `alias.url`, or a `server.document-root` above it.",
  verbatim: "remove the application's types from `deflate.mimetypes`, or set it to `()`.",
  guard: "lighttpd cannot be told.",
};

const caddy: Remedies = {
  enable:
    "Write `handle_response` into `reverse_proxy`, with a matcher on X-Accel-Redirect for this rule's destinationDir.",
  locate: "Let the matcher of `handle_response` begin with this rule's destinationDir.",
  find: "Caddy finds nothing there: compare destinationDir with the folder as Caddy sees it (another container?).",
  read: "Caddy's user may not read the file: `chmod o+x` every folder above it, and `chmod o+r` the file.",
  restore: "Write `copy_response_headers` into `handle_response`, and `header { defer … }` for ETag and Last-Modified.",
  hide: "Take away what serves this folder: a `root` with a `file_server`.",
  verbatim: "remove `encode` from the site, or exclude the downloads from it by a matcher.",
  guard: "Write `status 200` into the matcher of `handle_response`, and `header_down -X-Accel-Redirect`.",
};

const h2o: Remedies = {
  enable: "Write `reproxy: ON` where the application is proxied.",
  locate: "Write a path with this rule's destinationUrl into the host that listens on the socket, and restart h2o.",
  find: "h2o finds nothing there: compare `file.dir` with the storage's folder as h2o sees it, with a slash at the end.",
  read: "h2o's user may not read the file: `chmod o+x` every folder above it, and `chmod o+r` the file.",
  restore:
    "Let the host on the socket run the handler of the generated configuration: h2o forgets all fields otherwise.",
  hide: "Write `listen` into each host and not above them: the one with the files listens on its socket alone.",
  verbatim: "write `compress: OFF` into the host that clients reach.",
  guard: "h2o cannot be told.",
};

const generated = "Generate the server's configuration again, with `downloadview config`.";

const unknown: Remedies = {
  enable: generated,
  locate: generated,
  find: generated,
  read: generated,
  restore: generated,
  hide: generated,
  verbatim: generated,
  guard: generated,
};

const remedies: Readonly<Record<string, Remedies>> = { nginx, apache, lighttpd, caddy, h2o };

export function remediesFor({ name }: OffloadBackend): Remedies {
  return remedies[name] ?? unknown;
}
