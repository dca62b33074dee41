import type { Seed } from "./seed.ts";

const reproxy = "        reproxy: ON";

export const h2oSeeds: readonly Seed[] = [
  { from: "reproxy: ON", to: "reproxy: OFF", fails: "proxy-sends" },
  { from: 'file.dir: "ROOT/"', to: 'file.dir: "/var/empty/"', fails: "proxy-sends" },
  { from: '"/_downloads/":', to: '"/_other/":', fails: "proxy-sends" },
  { from: 'proxy.reverse.url: "http://APP/"', to: 'proxy.reverse.url: "http://127.0.0.1:1/"', fails: "proxy-sends" },
  { from: "        proxy.preserve-host: ON\n", to: "", fails: "proxy-host" },
  { from: "hosts:\n", to: "proxy.preserve-x-forwarded-proto: ON\nhosts:\n", fails: "proxy-scheme" },
  { from: reproxy, to: `${reproxy}\n        compress: ON`, fails: "proxy-uncompressed" },
  { from: reproxy, to: `${reproxy}\n        header.unset: "Referrer-Policy"`, fails: "proxy-fields" },
  { from: reproxy, to: `${reproxy}\n        header.set: "Cache-Control: public"`, fails: "proxy-fields" },
  { from: reproxy, to: `${reproxy}\n        header.unset: "ETag"`, fails: "proxy-validators" },
  { from: reproxy, to: `${reproxy}\n      "/media/":\n        file.dir: "ROOT/"`, fails: "proxy-internal" },
  {
    from: reproxy,
    to: `${reproxy}\n      "/files/":\n        file.dir: "ROOT/"\n        file.dirlisting: ON`,
    fails: "proxy-internal",
  },
  {
    from: 'request["range"] = env["HTTP_RANGE"] if env["HTTP_RANGE"] && current',
    to: "",
    fails: "proxy-range",
  },
  {
    from: 'current = condition.nil? || condition == strong || condition == fields["last-modified"]',
    to: "current = true",
    fails: "proxy-if-range",
  },
  // Harmless.
  { from: reproxy, to: `${reproxy}\n        header.add: "X-Server-Name: one"` },
  { from: reproxy, to: `${reproxy}\n        proxy.timeout.io: 60000` },
];
