type Params = Readonly<Record<string, string | undefined>>;
type RawParams = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The parameters of a route as views read them: segments of a wildcard are joined, and a wildcard without a name is `path`. (It is called `*` in Fastify, Elysia and React Router, and `0` in Express 4.)
 * @param route the pattern of the route, such as `/files/:path?`. An optional parameter that the URL leaves out is then
 * present and undefined: the view must not warn that the route has no such parameter
 */
export function namedParams(params: RawParams, route?: unknown): Params {
  const named: Record<string, string | undefined> = {};
  for (const name in params) named[name] = joined(params[name]);
  if (named["path"] !== undefined) return named;
  if (typeof route === "string") for (const name of namesIn(route)) if (!(name in named)) named[name] = undefined;
  const wildcard = ["*", "0"].find((name) => name in named);
  if (wildcard !== undefined) named["path"] = named[wildcard];
  return named;
}

function joined(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "object" ? value.join("/") : value;
}

const namesOf = new Map<string, readonly string[]>();

/** `:name`, `*name`, `**:name` and `**` of routers, `[name]` and `[[...name]]` of routes in files. */
function namesIn(route: string): readonly string[] {
  const known = namesOf.get(route);
  if (known) return known;
  const names = Array.from(
    route.matchAll(/[:*](\w+)|\[(?:\.{3})?(\w+)|\*\*(?!:)/g),
    ([, plain, inFile]) => plain ?? inFile ?? "*",
  );
  namesOf.set(route, names);
  return names;
}
