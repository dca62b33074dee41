type Params = Readonly<Record<string, string | undefined>>;
type RawParams = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The parameters of a route as views read them: segments of a wildcard are joined, and a wildcard without a name of its
 * own is `path`. (It is called `*` in Fastify, Elysia and React Router, and `0` in Express 4.)
 */
export function namedParams(params: RawParams): Params {
  const named: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(params)) named[name] = joined(value);
  const wildcard = named["path"] ?? named["*"] ?? named["0"];
  return wildcard === undefined ? named : { ...named, path: wildcard };
}

function joined(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "object" ? value.join("/") : value;
}
