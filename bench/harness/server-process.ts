import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { answerQuestions } from "./questions.ts";
import { memoryOfThisProcess, type RunningServer, type StartServer, usageOfThisProcess } from "./running-server.ts";

/**
 * Objects, as an application has; exported, so that they stay. In a heap between 8 and 12 MB, V8 collects everything again and
 * again for the buffers that it counts beside it; in a smaller one never.
 */
export const application: object[] = [];

function hold(megabytes: number): void {
  for (let id = 0; id < megabytes * 12_500; id++) application.push({ id, name: `name ${id}` });
}

/** Starts one server, named by its module under `servers/`, and says what it uses. */
async function startServer(module = "", root = "", heapMegabytes = "0", parameter = ""): Promise<RunningServer> {
  hold(Number(heapMegabytes));
  const { start } = (await import(`../servers/${module}.ts`)) as { start: StartServer };
  return parameter === "" ? start(root) : start(root, Number(parameter));
}

const server = startServer(...process.argv.slice(2));
// Why it could not be started is the answer to the first question.
server.catch(() => {});

let delay: IntervalHistogram | undefined;

/** Starts to watch how late the event loop is. */
function watchDelay(): void {
  delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
}

/** The 99th percentile since then, in seconds, the millisecond of the timer included. A server that is another process has none. */
async function loopDelay(): Promise<number | undefined> {
  delay?.disable();
  return (await server).usage ? undefined : delay && delay.percentile(99) / 1e9;
}

process.on("SIGTERM", () => process.exit());
answerQuestions({
  port: async () => (await server).port,
  usage: async () => ((await server).usage ?? usageOfThisProcess)(),
  memory: memoryOfThisProcess,
  watchDelay,
  loopDelay,
});
