/**
 * Header fields by which an application asks the server in front of it to send a file, or to treat a response specially:
 * nginx, Caddy, FrankenPHP (X-Accel-*), Apache, lighttpd and Cherokee (X-Sendfile), lighttpd (X-Sendfile2,
 * X-LIGHTTPD-send-file, X-LIGHTTPD-send-tempfile), h2o and Perlbal (X-Reproxy-URL, X-Reproxy-File), LiteSpeed
 * (X-LiteSpeed-*), mod_zip of nginx (X-Archive-*), and ours for the URL of a remote object, for the id of a
 * download in a log, and for the answer to a proxy that asks.
 */
export const offloadFields = [
  "X-Accel-Redirect",
  "X-Accel-Expires",
  "X-Accel-Limit-Rate",
  "X-Accel-Buffering",
  "X-Accel-Charset",
  "X-Sendfile",
  "X-Sendfile2",
  "X-Sendfile-Temporary",
  "X-LIGHTTPD-send-file",
  "X-LIGHTTPD-send-tempfile",
  "X-Reproxy-URL",
  "X-Reproxy-File",
  "X-Reproxy-Cache-For",
  "X-Reproxy-Expected-Size",
  "X-LiteSpeed-Location",
  "X-LiteSpeed-Cache-Control",
  "X-LiteSpeed-Tag",
  "X-LiteSpeed-Vary",
  "X-LiteSpeed-Purge",
  "X-Archive-Files",
  "X-Remote-Url",
  "X-Download-Id",
  "X-Download-Status",
  "X-Download-Path",
] as const;

const pattern =
  /^x-(?:accel|sendfile|lighttpd|reproxy|litespeed|archive)(?:-.*|\d*)$|^x-(?:remote-url|download-(?:id|status|path))$/i;

/** Tells whether a field is an instruction to the server in front of the application. Such a field must not reach a client. */
export function isOffloadField(name: string): boolean {
  return pattern.test(name);
}
