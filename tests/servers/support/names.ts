/** Names that one server or another gets wrong when its target is encoded in another way than it expects. */
export const oddNames: readonly string[] = [
  "plain.txt",
  "sp ace.txt",
  " lead.txt",
  "trail.txt ",
  "100%.txt",
  "pct%20lit.txt",
  "pct%2Flit.txt",
  "%2e%2e%2f.txt",
  "%00.txt",
  "q?mark.txt",
  "hash#h.txt",
  "plus+p.txt",
  "amp&.txt",
  "eq=.txt",
  "at@.txt",
  "col:on.txt",
  "semi;colon,comma.txt",
  "quo'te\".txt",
  "tick`.txt",
  "back\\slash.txt",
  "br[a]c{k}et.txt",
  "caret^.txt",
  "pipe|.txt",
  "lt<gt>.txt",
  "dollar$1.txt",
  "$upstream_http_etag.txt",
  "{rp.header.Etag}.txt",
  "star*.txt",
  "tilde~.txt",
  "bang!.txt",
  "(paren).txt",
  "dot..dot.txt",
  "...txt",
  ".hidden",
  "no-extension",
  "index.html",
  "ünïcode.txt",
  "latin1-é.txt",
  "nfd-e\u0301.txt",
  "日本.txt",
  "עברית.txt",
  "🎉 party.txt",
  "\u00a0nbsp\u2028ls.txt",
  "folder with %/and #/file ?.txt",
  `${"long-".repeat(49)}.txt`,
];

/** Names that the application sends itself, whatever server there is. */
export const unsendableNames: readonly string[] = ["line\nfeed.txt", "carriage\rreturn.txt", "tab\there.txt"];

/** A path of a request, each segment of it encoded. */
export function urlPath(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/");
}
