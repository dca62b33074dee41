import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { pinnedCommand } from "./machine.ts";
import type { Answer, Question } from "./questions.ts";

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** How long a question may go unanswered. A server that hangs is a result too. */
const PATIENCE_MILLISECONDS = 60_000;

/** A process of ours on a core of its own, which answers questions. */
export class Child {
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  private constructor(process: ChildProcess) {
    this.#process = process;
    process.on("message", (answer: Answer) => this.#settle(answer));
    process.on("exit", () => this.#failAll(new Error("the process ended")));
    // Of a question that could not be sent: without a listener, it would end the whole run.
    process.on("error", (error) => this.#failAll(error));
  }

  /** Starts a script and waits until it can be asked. */
  static async start(
    script: string,
    args: readonly string[],
    core: number,
    nodeOptions: readonly string[] = [],
  ): Promise<Child> {
    const node = [
      process.execPath,
      ...nodeOptions,
      "--import",
      import.meta.resolve("tsx"),
      modulePath(script),
      ...args,
    ];
    const [command = "", ...rest] = pinnedCommand(node, core);
    const spawned = spawn(command, rest, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const exited = once(spawned, "exit").then(() => Promise.reject(new Error(`${script} did not start`)));
    await Promise.race([once(spawned, "message"), exited]);
    exited.catch(() => {});
    return new Child(spawned);
  }

  async ask<Value>(question: string, argument?: unknown): Promise<Value> {
    if (!this.#process.connected) throw new Error("the process ended");
    const id = ++this.#lastId;
    const late = setTimeout(() => this.#settle({ id, error: "timed out" }), PATIENCE_MILLISECONDS);
    const answered = new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    this.#process.send({ id, question, argument } satisfies Question);
    return (await answered.finally(() => clearTimeout(late))) as Value;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await exited;
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ("error" in answer) pending?.reject(new Error(answer.error));
    else pending?.resolve(answer.value);
  }

  #failAll(error: Error): void {
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}

function modulePath(script: string): string {
  return fileURLToPath(new URL(`../${script}`, import.meta.url));
}
