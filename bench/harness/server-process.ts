import { answerQuestions } from "./questions.ts";
import { type RunningServer, type StartServer, usageOfThisProcess } from "./running-server.ts";

/** Starts one server, named by its module under `servers/`, and says what it uses. */
async function startServer(module = "", root = ""): Promise<RunningServer> {
  const { start } = (await import(`../servers/${module}.ts`)) as { start: StartServer };
  return start(root);
}

const server = startServer(...process.argv.slice(2));
// Why it could not be started is the answer to the first question.
server.catch(() => {});

process.on("SIGTERM", () => process.exit());
answerQuestions({
  port: async () => (await server).port,
  usage: async () => ((await server).usage ?? usageOfThisProcess)(),
});
