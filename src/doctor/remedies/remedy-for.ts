import { apacheRemedies } from "./apache.ts";
import { caddyRemedies } from "./caddy.ts";
import { h2oRemedies } from "./h2o.ts";
import { lighttpdRemedies } from "./lighttpd.ts";
import { nginxRemedies } from "./nginx.ts";
import { unknownRemedies } from "./unknown.ts";
import type { Place, Problem, ServerRemedies } from "./problem.ts";
import type { ServerName } from "../../config/server-configuration.ts";

const servers: Readonly<Record<ServerName, ServerRemedies>> = {
  nginx: nginxRemedies,
  apache: apacheRemedies,
  lighttpd: lighttpdRemedies,
  caddy: caddyRemedies,
  h2o: h2oRemedies,
};

const labels: Readonly<Record<ServerName, string>> = {
  nginx: "nginx",
  apache: "Apache",
  lighttpd: "lighttpd",
  caddy: "Caddy",
  h2o: "h2o",
};

/** Returns what to change in the server's configuration: the lines, and where they stand. */
export function remedyFor(problem: Problem, place: Place): string {
  const { server } = place;
  const remedies = server === undefined ? unknownRemedies : servers[server];
  // The kind picks the function for its own problem, which TypeScript cannot see.
  const remedy = remedies[problem.kind] as (place: Place, problem: Problem) => string;
  const text = remedy(place, problem);
  return server === undefined ? text : `${labels[server]}: ${text}`;
}
