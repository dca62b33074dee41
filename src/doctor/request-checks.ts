import { ofEither, ofProxy, received, type ProxyCheck, type ProxyExamination } from "./proxy-examination.ts";

/** Check what the application receives of a client's request. */
export const requestChecks: readonly ProxyCheck[] = [
  {
    check: "proxy-query",
    title: "The query of the URL reaches the application",
    examine: async (context) => {
      if ((await received(context)) !== undefined) return undefined;
      const difference = { expected: "?probe=request at the application", actual: "no query" };
      return ofEither(context, { kind: "names", arrives: false }, difference);
    },
  },
  {
    check: "proxy-private",
    title: "No cache stores a private response",
    examine: async (context) => {
      const ask = (): ReturnType<typeof received> => received(context, {}, "&twice");
      const [first, second] = [await ask(), await ask()];
      if (first === undefined || first.id !== second?.id) return undefined;
      const difference = {
        expected: "a new answer to each request, because of Cache-Control: private",
        actual: "the same answer twice",
      };
      return ofEither(context, { kind: "cached" }, difference);
    },
  },
  {
    check: "proxy-host",
    title: "The application gets the client's Host, to which signed links can be bound",
    examine: async (context) => {
      const { exam } = context;
      if (!exam.hasProxy) return undefined;
      const asked = exam.route.host ?? exam.front.host;
      const host = (await received(context))?.host;
      if (host === undefined || sameHost(host, asked)) return undefined;
      return ofProxy(context, { kind: "host" }, { expected: `Host: ${asked}`, actual: `Host: ${host ?? "none"}` });
    },
  },
  {
    check: "proxy-scheme",
    title: "The application learns the scheme that the client used",
    examine: async (context) => {
      const { exam, place } = context;
      if (!exam.hasProxy) return undefined;
      const scheme = (await received(context))?.scheme;
      if (scheme === undefined) return undefined;
      return wrongScheme(context, scheme) ?? (place.offloads ? spoofedScheme(context) : undefined);
    },
  },
];

function sameHost(host: string | null, asked: string): boolean {
  const withoutPort = (name: string): string => name.toLowerCase().replace(/:(?:80|443)$/, "");
  return host !== null && withoutPort(host) === withoutPort(asked);
}

/** Without the field, an application takes the client's scheme for http. */
function wrongScheme({ place }: ProxyExamination, scheme: string | null): ReturnType<typeof ofProxy> | undefined {
  if (lastOf(scheme ?? "http") === place.scheme) return undefined;
  const tlsEndsBefore = scheme === "http" && place.scheme === "https";
  return ofProxy(
    { place: { ...place, tlsEndsBefore } },
    { kind: "scheme" },
    { expected: `X-Forwarded-Proto: ${place.scheme}`, actual: `X-Forwarded-Proto: ${scheme ?? "none"}` },
  );
}

/** A server that passes the client's own field on lets clients claim any scheme. */
async function spoofedScheme(context: ProxyExamination): ReturnType<ProxyCheck["examine"]> {
  const { place } = context;
  const claimed = place.scheme === "https" ? "http" : "https";
  const scheme = (await received(context, { "X-Forwarded-Proto": claimed }))?.scheme;
  if (scheme === undefined || scheme === null || lastOf(scheme) === place.scheme) return undefined;
  const difference = {
    expected: `X-Forwarded-Proto: ${place.scheme}, although the client sends ${claimed}`,
    actual: `X-Forwarded-Proto: ${scheme}`,
  };
  return ofProxy(context, { kind: "scheme" }, difference);
}

/** Each proxy on the way may append its own. */
function lastOf(schemes: string): string | undefined {
  return schemes.split(",").at(-1)?.trim().toLowerCase();
}
