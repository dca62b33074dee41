import type { LoadOf, Target } from "../../harness/protocol.ts";
import { closeAll, openAll, unexpected } from "../connections.ts";
import { Countdown } from "../countdown.ts";
import type { PreparedLoad } from "../prepared-load.ts";

/** Clients that leave at the first bytes of the body, a few at a time. */
export function prepareAborts(target: Target, load: LoadOf<"aborts">): PreparedLoad {
  return {
    async run() {
      const start = performance.now();
      const each = load.downloads / load.concurrency;
      await Promise.all(Array.from({ length: load.concurrency }, () => abortMany(target, each)));
      return { requests: load.downloads, bodyBytes: 0, seconds: (performance.now() - start) / 1000 };
    },
    close: () => {},
  };
}

async function abortMany(target: Target, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await abort(target);
}

async function abort(target: Target): Promise<void> {
  const arrived = new Countdown(1);
  const [connection] = await openAll(1, target, () => ({
    onBody: () => arrived.count(),
    onEnd: (response) => arrived.fail(unexpected(response)),
    onError: (error) => arrived.fail(error),
  }));
  connection?.send();
  await arrived.done.finally(() => closeAll(connection ? [connection] : []));
}
