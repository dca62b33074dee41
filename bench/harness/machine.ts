import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem, type as systemType } from "node:os";

/** Server and load have a core each, where there are two and `taskset` can pin to them. */
export const SERVER_CORE = 1;
export const LOAD_CORE = 0;

const ISOLATED = "DOWNLOADVIEW_BENCH_ISOLATED";
const CONGESTION_CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control";

const canPin = availableParallelism() > 1 && works("taskset", ["-c", `${LOAD_CORE},${SERVER_CORE}`, "true"]);

/** A command that runs on one core. */
export function pinnedCommand(command: readonly string[], core: number): readonly string[] {
  return canPin ? ["taskset", "-c", String(core), ...command] : command;
}

/** What the numbers depend on. Nothing that names the machine. */
export function describeMachine(): readonly string[] {
  const processors = cpus();
  return [
    `Processor: ${processors[0]?.model.trim() ?? "unknown"}, ${processors.length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
    `System: ${systemType()} on ${process.arch}; Node.js ${process.version}`,
    canPin
      ? "Each server alone on one core, the load generator on another"
      : "Servers and load generator share the cores (no `taskset`, or one core)",
    `Loopback TCP, congestion control ${congestionControl()}${isIsolated() ? ", in a network namespace of its own" : ""}`,
  ];
}

export function isIsolated(): boolean {
  return process.env[ISOLATED] !== undefined;
}

/**
 * Runs this same command again in a network namespace of its own, and gives its exit status; `undefined` where the
 * system has none. BBR paces loopback traffic, so that the clock would measure it: the namespace has Reno.
 */
export function runIsolated(): number | undefined {
  const namespace = ["--net", ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"])];
  const setUp = `ip link set lo up && echo reno > ${CONGESTION_CONTROL}`;
  if (!works("unshare", [...namespace, "sh", "-c", setUp])) return undefined;
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const { status } = spawnSync("unshare", [...namespace, "sh", "-c", `${setUp} && exec "$@"`, "sh", ...again], {
    stdio: "inherit",
    env: { ...process.env, [ISOLATED]: "1" },
  });
  return status ?? 1;
}

/** Bounds what the system holds for new connections, in the namespace of this run only. Returns what sets it back. */
export function limitSocketBuffers(bytes: number): () => void {
  if (!isIsolated()) return () => {};
  const settings = ["rmem", "wmem"].map((name) => `/proc/sys/net/ipv4/tcp_${name}`);
  const before = settings.map((file) => readFileSync(file, "utf8"));
  for (const file of settings) writeFileSync(file, `4096 ${bytes} ${bytes}`);
  return () => settings.forEach((file, at) => writeFileSync(file, before[at]!));
}

function congestionControl(): string {
  try {
    return readFileSync(CONGESTION_CONTROL, "utf8").trim();
  } catch {
    return "unknown";
  }
}

function works(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
