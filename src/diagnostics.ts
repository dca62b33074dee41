/**
 * What the operator is told, and the client never: warnings of mistakes, and the reason of each refusal. It imports
 * nothing, because worker runtimes have no `node:util`.
 */

interface DebugLog {
  (message: string): void;
  readonly enabled?: boolean;
}

interface NodeProcess {
  emitWarning?(message: string, options: { type: string; code: string }): void;
  getBuiltinModule?(name: string): { debuglog?(section: string): DebugLog } | undefined;
}

const { process } = globalThis as { process?: NodeProcess };

const log = process?.getBuiltinModule?.("node:util")?.debuglog?.("downloadview");

/** Whether {@link debug} writes anything. */
export const isDebugging: boolean = log?.enabled ?? log !== undefined;

/**
 * Writes the reason of an answer to Node's debug log, with `NODE_DEBUG=downloadview`. It may name paths and keys.
 * @param reason makes the message, and is called only if it is written
 */
export function debug(reason: () => string): void {
  if (isDebugging) log?.(reason());
}

/** The message of an error, and those of its causes. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error === "string" ? error : "no reason";
  return error.cause === undefined ? error.message : `${error.message}: ${reasonOf(error.cause)}`;
}

// A message may name what a request asked for: a client must not be able to fill the memory with them.
const maxWarnings = 100;
const warned = new Set<string>();

/**
 * Warns of a mistake in the application, once per process and message: by `process.emitWarning`, or on the console
 * where there is no process. After 100 messages no more are written.
 * @param code what tools tell it by, such as `DOWNLOADVIEW_NO_ROOT`
 * @param message the problem, and how to solve it
 */
export function warnOnce(code: string, message: string): void {
  const key = `${code} ${message}`;
  if (warned.has(key) || warned.size >= maxWarnings) return;
  warned.add(key);
  if (process?.emitWarning) process.emitWarning(message, { type: "DownloadviewWarning", code });
  else console.warn(`${code}: ${message}`);
}
