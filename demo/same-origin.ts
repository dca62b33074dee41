import type { RequestHandler } from "express";

/**
 * Refuses what another site makes a visitor's browser send. Every browser of today says where a request comes from, by
 * `Sec-Fetch-Site` or at least by `Origin`; a client that says neither is no browser, and carries nobody's cookies.
 */
export const sameOrigin: RequestHandler = (request, response, next) => {
  const site = request.get("Sec-Fetch-Site");
  const origin = request.get("Origin");
  const trusted =
    site === undefined ? origin === undefined || hostOf(origin) === request.get("Host") : site === "same-origin";
  if (trusted) next();
  else response.sendStatus(403);
};

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
