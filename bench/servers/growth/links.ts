import { createServer } from "node:http";
import { PathDownloadView } from "downloadview";
import { pathParams, toNodeHandler } from "downloadview/node";
import { limitedDownloads, MemoryDownloadCounter } from "downloadview/signing";
import { listen, type StartServer } from "../../harness/running-server.ts";

const HOUR = 3_600_000;

/** So many links are in use already. Each request is for another one. */
export const start: StartServer = async (root, count = 0) => {
  const counter = new MemoryDownloadCounter({ maxLinks: count + 10_000_000 });
  const now = Date.now();
  for (let at = 0; at < count; at++) {
    const terms = { client: "client", whole: true, limit: 1, restarts: 3, now, grantLife: HOUR };
    // 7919 is prime: the links expire in another order than they were made.
    await counter.begin(`old ${at}`, { ...terms, expiresAt: now + (((at * 7919) % count) / count) * HOUR + 60_000 });
  }
  let requests = 0;
  const view = limitedDownloads(PathDownloadView.asView({ root, attachment: false }), {
    limit: 1,
    within: HOUR / 1000,
    counter,
    key: () => `new ${requests++}`,
  });
  return listen(createServer(toNodeHandler(view, { params: pathParams })));
};
