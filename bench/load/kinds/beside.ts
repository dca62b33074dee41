import { Child } from "../../harness/child.ts";
import { LOAD_CORE } from "../../harness/machine.ts";
import type { Expected, LoadOf, Open, Seen, Target } from "../../harness/protocol.ts";
import type { PreparedLoad } from "../prepared-load.ts";
import { prepareCutDownloads } from "./cut-downloads.ts";

let helper: Promise<Child> | undefined;

/**
 * Small files beside large ones. A process of its own asks for the small ones: in this one, which reads the large ones, they
 * would wait for the client and not for the server.
 */
export async function prepareBeside(target: Target, expected: Expected, load: LoadOf<"beside">): Promise<PreparedLoad> {
  const { path, bodyBytes, load: paced } = load.small;
  const other = await (helper ??= Child.start("load/main.ts", [], LOAD_CORE));
  const small: Open = { target: { ...target, path }, expected: { status: 200, bodyBytes }, load: paced };
  const downloads = await prepareCutDownloads(target, expected, {
    kind: "cut-downloads",
    connections: load.connections,
    seconds: load.seconds,
  });
  await other.ask("open", small);
  return {
    async run() {
      const [seen, { latency }] = await Promise.all([downloads.run(), other.ask<Seen>("run")]);
      return latency ? { ...seen, latency } : seen;
    },
    close: () => {
      downloads.close();
      void other.ask("close").catch(() => {});
    },
  };
}
