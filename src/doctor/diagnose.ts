import { setTimeout as delay } from "node:timers/promises";
import type { DownloadviewConfig } from "../config/downloadview-config.ts";
import { appChecks } from "./app-checks.ts";
import { failed, folded, passed, skipped, type Check, type CheckResult } from "./check-result.ts";
import { Examination, messageOf, type DoctorOptions, type ExpectedTarget } from "./examination.ts";
import { modificationTimes } from "./modification-times.ts";
import { proxyChecks, sendingChecks } from "./proxy-checks.ts";
import { firstSamples } from "./samples.ts";
import { removeSamples, storageChecks } from "./storage-checks.ts";

/** What the doctor found. */
export interface Diagnosis {
  /** The version of this shape. */
  readonly version: 1;
  /** The URLs that were asked: the origins of the application and of the server in front. */
  readonly asked: { readonly app: string; readonly proxy?: string };
  /** Whether no check failed. */
  readonly healthy: boolean;
  readonly results: readonly CheckResult[];
}

/**
 * Looks at a deployment from all sides: the storage by itself, the application against the storage, and the server in
 * front of both. Puts a few small files into the health check's folder of the storage, and removes them.
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
    await removeSamples(exam);
  }
}

async function examineAll(exam: Examination): Promise<CheckResult[]> {
  const checked = await run(storageChecks, exam, exam);
  const app = await run(appChecks, exam, exam, isHealthy(checked));
  const samples = new Set(firstSamples(exam.samples).map((sample) => exam.nameOf(sample)));
  const storage = [...checked, ...(await modificationTimes(exam.storage, (name) => samples.has(name)))];
  if (!isHealthy(app)) return [...storage, ...app, ...skipProxy(exam)];
  const expected = await exam.expected(exam.samples.plain);
  if (exam.proxy === undefined) return [...storage, ...app, ...(expected ? [unproxied(expected)] : [])];
  return [...storage, ...app, ...(expected ? await examineProxy(exam, expected) : await examinePlainProxy(exam))];
}

async function examineProxy(exam: Examination, expected: ExpectedTarget): Promise<CheckResult[]> {
  const context = { exam, expected };
  const sending = await run(sendingChecks, context, exam);
  if (isHealthy(sending)) await untilValidatorsAreStrong();
  const rest = await run(proxyChecks, context, exam, isHealthy(sending), "all");
  return [...sending, ...folded(rest).map((result) => asNote(result, expected)), ...limits(expected)];
}

/** With `backend: "none"` behind a server: the application sends the file, and the server only has to pass it on. */
async function examinePlainProxy(exam: Examination): Promise<CheckResult[]> {
  const check = { check: "proxy-passes", title: "The server passes on what the application sends" };
  const { plain } = exam.samples;
  const body = await exam.askProxy({ path: exam.path(plain) }).then(
    ({ body }) => body.toString(),
    (error: unknown) => messageOf(error),
  );
  if (body === plain.content) return [passed(check)];
  const finding = { side: "proxy", expected: "the file", actual: body.slice(0, 80) || "nothing" } as const;
  return [failed(check, { ...finding, remedy: `Let ${exam.proxy?.origin} lead to this application.` })];
}

// A file that was written within the last second has a weak ETag, which is another a second later.
function untilValidatorsAreStrong(): Promise<void> {
  return delay(1100);
}

/** Runs checks in turn. What comes after a failure would fail as well, unless `all` are to be looked at. */
async function run<Context>(
  checks: readonly Check<Context>[],
  context: Context,
  exam: Examination,
  begun = true,
  after: "none" | "all" = "none",
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  let ended = exam.signal.aborted;
  for (const check of checks) {
    const goOn = begun && !ended && (after === "all" || isHealthy(results));
    results.push(goOn ? await examine(check, context, exam) : skipped(check));
    ended ||= exam.signal.aborted;
  }
  return results;
}

async function examine<Context>(
  check: Check<Context>,
  context: Context,
  { signal, timeout }: Examination,
): Promise<CheckResult> {
  try {
    const finding = await check.examine(context);
    return finding ? failed(check, finding) : passed(check);
  } catch (error) {
    const side = check.check.startsWith("app") ? "app" : check.check.startsWith("storage") ? "storage" : "proxy";
    const late = `no complete answer before the ${timeout / 1000} s for all checks were over`;
    const actual = signal.aborted ? late : messageOf(error);
    const remedy = signal.aborted ? "Find out what is slow there, or give the doctor more time." : "Look into its log.";
    const finding = { side, expected: "an answer", actual, remedy } as const;
    return failed(check, finding);
  }
}

function isHealthy(results: readonly CheckResult[]): boolean {
  return results.every(({ outcome }) => outcome === "pass");
}

function skipProxy({ proxy }: Examination): CheckResult[] {
  return proxy === undefined ? [] : [...sendingChecks, ...proxyChecks].map(skipped);
}

/** What a server cannot do is no fault of its configuration. */
function asNote(result: CheckResult, { backend }: ExpectedTarget): CheckResult {
  const limit = result.check === "proxy-guard" ? backend.limits.errors : undefined;
  return result.outcome === "fail" && limit !== undefined ? { ...result, outcome: "note", remedy: limit } : result;
}

function limits({ backend }: ExpectedTarget): CheckResult[] {
  return Object.entries(backend.limits)
    .filter(([about]) => about !== "errors")
    .map(([about, says]) => ({ check: `limit-${about}`, title: says, outcome: "note" }));
}

function unproxied({ backend }: ExpectedTarget): CheckResult {
  return {
    check: "app-unproxied",
    title: `Whoever asks the application itself gets ${backend.header} and an empty body`,
    outcome: "note",
    side: "app",
    remedy: `Give --proxy to look at ${backend.name} as well. Where there is no server in front, use backend: "none".`,
  };
}
