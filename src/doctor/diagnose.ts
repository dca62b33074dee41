import { setTimeout as delay } from "node:timers/promises";
import type { DownloadviewConfig } from "../config/downloadview-config.ts";
import { appChecks } from "./app-checks.ts";
import { failed, passed, skipped, type Check, type CheckResult } from "./check-result.ts";
import { crossOriginCheck } from "./cross-origin-check.ts";
import { folded } from "./consequences.ts";
import { Examination, messageOf, type DoctorOptions, type ExpectedTarget } from "./examination.ts";
import { guardedCheck } from "./guarded-check.ts";
import { modificationTimes } from "./modification-times.ts";
import type { Limit } from "../offload/contract.ts";
import { proxyChecks } from "./proxy-checks.ts";
import { examineFront } from "./proxy-examination.ts";
import { sendingChecks } from "./sending-checks.ts";
import { firstSamples } from "./samples.ts";
import { removeSamples, storageChecks } from "./storage-checks.ts";

/** The results of the doctor. */
export interface Diagnosis {
  /** The version of this structure. */
  readonly version: 1;
  /** The origins of the application and of the server in front. */
  readonly asked: { readonly app: string; readonly proxy?: string };
  /** Whether no check failed. */
  readonly healthy: boolean;
  readonly results: readonly CheckResult[];
}

/**
 * Checks a deployment: the storage alone, the application with the storage, and the server in front of both. Saves a few
 * small files in the health check's folder of the storage, and removes them.
 * @throws {ImproperlyConfiguredError} for a configuration without a health check
 *
 * @example
 * ```ts
 * import { MemoryStorage } from "downloadview";
 * import { defineConfig } from "downloadview/config";
 * import { diagnose } from "downloadview/doctor";
 *
 * const config = defineConfig({
 *   backend: "none",
 *   rules: [],
 *   storages: { media: new MemoryStorage() },
 *   healthcheck: { url: "/healthcheck/", storage: "media" },
 * });
 * const { healthy, results } = await diagnose(config, { app: "http://127.0.0.1:1" });
 * console.assert(!healthy);
 * console.assert(results.find((result) => result.outcome === "fail")?.check === "app-reachable");
 * ```
 */
export async function diagnose(config: DownloadviewConfig, options: DoctorOptions): Promise<Diagnosis> {
  const exam = new Examination(config, options);
  try {
    const results = await examineAll(exam);
    const asked = { app: exam.app.origin, ...(exam.proxy && { proxy: exam.proxy.origin }) };
    return { version: 1, asked, healthy: results.every(({ outcome }) => outcome !== "fail"), results };
  } finally {
    exam.close();
    await removeSamples(exam);
  }
}

async function examineAll(exam: Examination): Promise<CheckResult[]> {
  const deployment = await examineDeployment(exam);
  // It needs neither the health check nor a healthy application.
  const isGuarded = exam.guarded !== undefined && exam.proxy !== undefined;
  return [...deployment, ...(isGuarded ? await run([guardedCheck], exam, exam) : [])];
}

async function examineDeployment(exam: Examination): Promise<CheckResult[]> {
  const checked = await run(storageChecks, exam, exam);
  const app = await run(appChecks, exam, exam, isHealthy(checked));
  const samples = new Set(firstSamples(exam.samples).map((sample) => exam.nameOf(sample)));
  const crossOrigin = exam.origin === undefined ? [] : await run([crossOriginCheck], exam, exam, isHealthy(checked));
  const storage = [...checked, ...crossOrigin, ...(await modificationTimes(exam.storage, (name) => samples.has(name)))];
  if (!isHealthy(app)) return [...storage, ...app, ...skipProxy(exam)];
  const expected = await exam.expected(exam.samples.plain);
  if (exam.proxy === undefined) return [...storage, ...app, ...(expected ? [unproxied(expected)] : [])];
  return [...storage, ...app, ...(await examineProxy(exam, expected))];
}

async function examineProxy(exam: Examination, expected: ExpectedTarget | undefined): Promise<CheckResult[]> {
  const sending = await run(sendingChecks, { exam, expected }, exam);
  if (!isHealthy(sending)) return [...sending, ...proxyChecks.map(skipped), ...limits(expected)];
  await untilValidatorIsStrong(exam);
  const context = await examineFront(exam, expected);
  const rest = await runTogether(proxyChecks, context, exam);
  const noted = rest.map((result) => (expected ? asNote(result, expected) : result));
  return [...sending, ...folded(noted), ...limits(expected)];
}

/** The age at which a file's ETag becomes a strong one, in milliseconds. A younger file may be replaced within one second. */
const strongAge = 1100;

/** Waits until the sample has its final ETag. Most storages have it at once. */
async function untilValidatorIsStrong(exam: Examination): Promise<void> {
  const reply = await exam.askApp({ method: "HEAD", path: exam.path(exam.samples.plain) });
  if (reply.field("ETag")?.startsWith("W/")) await delay(strongAge, undefined, { signal: exam.signal });
}

/** Runs checks in turn. After a failure, the rest are skipped: they would fail as well. */
async function run<Context>(
  checks: readonly Check<Context>[],
  context: Context,
  exam: Examination,
  begun = true,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    const goOn = begun && !exam.signal.aborted && isHealthy(results);
    results.push(goOn ? await examine(check, context, exam) : skipped(check));
  }
  return results;
}

/** Runs independent checks, most of them at the same time. If the time is over, one failure says so. */
async function runTogether<Context>(
  checks: readonly Check<Context>[],
  context: Context,
  exam: Examination,
): Promise<CheckResult[]> {
  const done = new Map<Check<Context>, CheckResult>();
  for (const check of checks) if (check.alone === true) done.set(check, await examine(check, context, exam));
  const results = await Promise.all(checks.map((check) => done.get(check) ?? examine(check, context, exam)));
  const late = results.findIndex(({ actual }) => actual === lateAnswer(exam));
  return results.map((result, at) =>
    late !== -1 && at > late && result.actual === lateAnswer(exam) ? skipped(result) : result,
  );
}

async function examine<Context>(check: Check<Context>, context: Context, exam: Examination): Promise<CheckResult> {
  try {
    const finding = await check.examine(context);
    return finding ? failed(check, finding) : passed(check);
  } catch (error) {
    const side = check.check.startsWith("app") ? "app" : check.check.startsWith("storage") ? "storage" : "proxy";
    const isLate = exam.signal.aborted;
    const actual = isLate ? lateAnswer(exam) : messageOf(error);
    const remedy = isLate
      ? "Find out what is slow there, or give the doctor more time (--timeout)."
      : "Look into its log.";
    return failed(check, { side, expected: "an answer", actual, remedy });
  }
}

function lateAnswer({ timeout }: Examination): string {
  return `no complete answer within ${timeout / 1000} s, the time for all checks`;
}

function isHealthy(results: readonly CheckResult[]): boolean {
  return results.every(({ outcome }) => outcome === "pass");
}

function skipProxy({ proxy }: Examination): CheckResult[] {
  return proxy === undefined ? [] : [...sendingChecks, ...proxyChecks].map(skipped);
}

/** The checks that show a limit of a server. */
const shownLimits: Readonly<Record<string, Limit>> = {
  "proxy-guard": "errors",
  "proxy-broken-streams": "broken-streams",
  "proxy-slow-clients": "slow-clients",
};

/** A limit of the server is not a fault of its configuration. */
function asNote(result: CheckResult, { backend }: ExpectedTarget): CheckResult {
  const limit = shownLimits[result.check];
  const says = limit && backend.limits[limit];
  return result.outcome === "fail" && says !== undefined ? { ...result, outcome: "note", remedy: says } : result;
}

/** The limits that no check shows. */
function limits(expected: ExpectedTarget | undefined): CheckResult[] {
  const shown = new Set<string>(Object.values(shownLimits));
  return Object.entries(expected?.backend.limits ?? {})
    .filter(([about]) => !shown.has(about))
    .map(([about, says]) => ({ check: `limit-${about}`, title: says, outcome: "note" }));
}

function unproxied({ backend }: ExpectedTarget): CheckResult {
  return {
    check: "app-unproxied",
    title: `A client that reaches the application itself gets ${backend.header} and an empty body`,
    outcome: "note",
    side: "app",
    remedy: `Give --proxy to check ${backend.name} as well. If there is no server in front, use backend: "none".`,
  };
}
