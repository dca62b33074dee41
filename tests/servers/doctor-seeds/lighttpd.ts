import type { Seed } from "./seed.ts";

const modules = 'server.modules += ( "mod_proxy" )';
const setenv = `${modules}\nserver.modules += ( "mod_setenv" )`;

export const lighttpdSeeds: readonly Seed[] = [
  { from: '"x-sendfile" => "enable"', to: '"x-sendfile" => "disable"', fails: "proxy-sends" },
  {
    from: '"x-sendfile-docroot" => ( "ROOT/" )',
    to: '"x-sendfile-docroot" => ( "/var/empty/" )',
    fails: "proxy-sends",
  },
  { from: '"port" => PORT', to: '"port" => 1', fails: "proxy-sends" },
  {
    from: modules,
    to: `${modules}\nserver.modules += ( "mod_access" )\nurl.access-deny = ( "" )`,
    fails: "proxy-sends",
  },
  { from: "server.stream-response-body = 2", to: "server.stream-response-body = 0", fails: "proxy-streams" },
  { from: "server.stream-response-body = 2", to: "server.stream-response-body = 1", fails: "proxy-slow-clients" },
  { from: 'server.stat-cache-engine = "disable"', to: "", fails: "proxy-fresh" },
  { from: modules, to: `${modules}\nserver.range-requests = "disable"`, fails: "proxy-range" },
  {
    from: modules,
    to: `${setenv}\nsetenv.set-response-header = ( "Cache-Control" => "public" )`,
    fails: "proxy-fields",
  },
  {
    from: modules,
    to: `${setenv}\nsetenv.set-response-header = ( "Content-Disposition" => "inline" )`,
    fails: "proxy-fields",
  },
  {
    from: modules,
    to: `${setenv}\nsetenv.set-response-header = ( "X-Robots-Tag" => "all" )`,
    fails: "proxy-fields",
  },
  {
    from: modules,
    to: `${setenv}\nsetenv.set-response-header = ( "ETag" => "\\"x\\"" )`,
    fails: "proxy-validators",
  },
  {
    from: modules,
    to: `${setenv}\nsetenv.set-request-header = ( "If-None-Match" => "" )`,
    fails: "proxy-not-modified",
  },
  { from: modules, to: `${setenv}\nsetenv.set-request-header = ( "Range" => "" )`, fails: "proxy-range" },
  { from: modules, to: `${setenv}\nsetenv.set-request-header = ( "Host" => "inside.example" )`, fails: "proxy-host" },
  {
    from: modules,
    to: `${modules}\nserver.modules += ( "mod_access" )\n$HTTP["request-method"] == "HEAD" { url.access-deny = ( "" ) }`,
    fails: "proxy-head",
  },
  {
    from: modules,
    to:
      `${modules}\nserver.modules += ( "mod_alias" )\nalias.url = ( "/media/" => "ROOT/" )\n` +
      '$HTTP["url"] =~ "^/media/" { proxy.server = () }',
    fails: "proxy-internal",
  },
  {
    from: modules,
    to:
      `${modules}\nserver.modules += ( "mod_alias", "mod_dirlisting" )\nalias.url = ( "/static/" => "ROOT/" )\n` +
      'dir-listing.activate = "enable"\n$HTTP["url"] =~ "^/static/" { proxy.server = () }',
    fails: "proxy-internal",
  },
  // Harmless.
  { from: modules, to: `${setenv}\nsetenv.add-response-header = ( "X-Server-Name" => "one" )` },
  { from: modules, to: `${modules}\nserver.max-keep-alive-requests = 10` },
  { from: modules, to: `${modules}\nserver.network-backend = "writev"` },
];
