import { setTimeout as delay } from "node:timers/promises";
import type { ServerEntry } from "../servers.ts";
import type { Workload } from "../workloads.ts";
import { Child } from "./child.ts";
import type { Measured } from "./figures.ts";
import type { Fixtures } from "./fixtures.ts";
import { SERVER_CORE } from "./machine.ts";
import { WARM_UP } from "./plan.ts";
import type { Load, Open, Seen, Usage } from "./protocol.ts";
import { prepareRequest } from "./request.ts";

/** One server that is running for one workload, and has answered it right once. */
export class Contestant {
  readonly entry: ServerEntry;
  readonly #server: Child;
  readonly #load: Child;
  readonly #open: Open;

  private constructor(entry: ServerEntry, server: Child, load: Child, open: Open) {
    this.entry = entry;
    this.#server = server;
    this.#load = load;
    this.#open = open;
  }

  /** @throws when the server cannot be started, or answers anything else than what the workload asks for. */
  static async start(entry: ServerEntry, workload: Workload, load: Child, fixtures: Fixtures): Promise<Contestant> {
    const server = await Child.start(
      "harness/server-process.ts",
      [entry.module, fixtures.root, String(workload.heapMegabytes ?? 10), String(workload.parameter ?? "")],
      SERVER_CORE,
    );
    try {
      const port = await server.ask<number>("port");
      const { target, expected } = await prepareRequest(workload, port, load, fixtures);
      return new Contestant(entry, server, load, { target, expected, load: workload.load });
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** As much as some rounds, so that the slow too have done enough for the engine to compile what they do. Of many files, each once. */
  async warmUp(): Promise<void> {
    await this.#round({ ...this.#open, load: lengthened(this.#open.load) });
  }

  measure(): Promise<Measured> {
    return this.#round(this.#open);
  }

  /** The load is made ready, and the server's usage read just before and just after it. */
  async #round(open: Open): Promise<Measured> {
    const idle = await this.#usage();
    try {
      await this.#load.ask("open", open);
      const watches = this.#open.load.kind === "beside";
      if (watches) await this.#server.ask("watchDelay");
      const before = await this.#usage();
      const { seen, peakRssBytes } = await this.#run();
      const loopDelaySeconds = watches ? await this.#server.ask<number | undefined>("loopDelay") : undefined;
      const after = await this.#usage();
      const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
      await this.#load.ask("close");
      const descriptorsLeft = this.#holdsResources() ? await this.#descriptorsLeft(idle) : undefined;
      return {
        seen,
        cpuSeconds,
        loopDelaySeconds,
        applicationCpuSeconds: difference(after.applicationCpuSeconds, before.applicationCpuSeconds),
        rssRiseBytes: Math.max(peakRssBytes, after.rssBytes) - idle.rssBytes,
        descriptorsLeft,
      };
    } finally {
      await this.#load.ask("close");
    }
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  #usage(): Promise<Usage> {
    return this.#server.ask<Usage>("usage");
  }

  async #run(): Promise<{ seen: Seen; peakRssBytes: number }> {
    const running = this.#load.ask<Seen>("run");
    if (!this.#holdsResources()) return { seen: await running, peakRssBytes: 0 };
    const over = running.then(
      () => true,
      () => true,
    );
    let peakRssBytes = 0;
    while (!(await Promise.race([over, delay(250, false)])))
      peakRssBytes = Math.max(peakRssBytes, (await this.#usage()).rssBytes);
    return { seen: await running, peakRssBytes };
  }

  /** Whether the workload is about what a server holds, and not about how fast it is. */
  #holdsResources(): boolean {
    return this.#open.load.kind === "stalled" || this.#open.load.kind === "aborts";
  }

  /** Gives the server three seconds to notice that its clients have gone. */
  async #descriptorsLeft(idle: Usage): Promise<number | undefined> {
    if (idle.descriptors === undefined) return undefined;
    let left = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 30 && left > 0; tries++) {
      await delay(100);
      left = ((await this.#usage()).descriptors ?? 0) - idle.descriptors;
    }
    return left;
  }
}

function lengthened(load: Load): Load {
  if (load.kind !== "requests") return load;
  if (load.pick) return { ...load, pick: { ...load.pick, distribution: "each" } };
  return { ...load, seconds: load.seconds * WARM_UP };
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}
