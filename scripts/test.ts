/**
 * `npm test`: every check that a change must pass, in the order in which a failure explains the next one. At its end it says what
 * was skipped, how to install that, and how long all took. The last line is `N passed, N failed`, and `, N skipped` if any
 * were: the tests, and each other check that failed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bySuites, skippedFileVariable } from "../tests/support/skipped.ts";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Why suites were skipped. */
  readonly reasons: readonly string[];
}

/** What Vitest's JSON reporter writes. */
interface Report {
  readonly testResults: readonly {
    readonly status: "passed" | "failed";
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

function succeeds(command: string, ...args: string[]): boolean {
  console.log(`\n> ${[command, ...args].join(" ")}`);
  return spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] }).status === 0;
}

function runVitest(): Counts {
  const folder = mkdtempSync(join(tmpdir(), "downloadview-test-"));
  const file = join(folder, "report.json");
  const skippedFile = join(folder, "skipped");
  process.env[skippedFileVariable] = skippedFile;
  try {
    const clean = succeeds(
      "npx",
      "vitest",
      "run",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${file}`,
    );
    const reasons = existsSync(skippedFile) ? bySuites(readFileSync(skippedFile, "utf8")) : [];
    const counts = { ...count(JSON.parse(readFileSync(file, "utf8"))), reasons };
    // An error outside of any test fails the run as well.
    return clean ? counts : { ...counts, failed: Math.max(counts.failed, 1) };
  } catch (error) {
    console.error("Vitest left no report:", error);
    return { passed: 0, failed: 1, skipped: 0, reasons: [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function count({ testResults }: Report): Omit<Counts, "reasons"> {
  const statuses = testResults.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
  const passed = statuses.filter((status) => status === "passed").length;
  const failed = statuses.filter((status) => status === "failed").length;
  // A file that could not be loaded has no tests, and failed none the less.
  const broken = testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed"),
  ).length;
  return { passed, failed: failed + broken, skipped: statuses.length - passed - failed };
}

const start = performance.now();
const checks = ["build", "typecheck", "lint", "unused"].filter((script) => !succeeds("npm", "run", "--silent", script));
const tests = runVitest();

const failed = tests.failed + checks.length;
if (checks.length > 0) console.log(`\nFailed: npm run ${checks.join(", npm run ")}`);
if (tests.reasons.length > 0) console.log(`\n${tests.reasons.join("\n")}`);
console.log(`\nTook ${duration(performance.now() - start)}`);
console.log(`${tests.passed} passed, ${failed} failed${tests.skipped > 0 ? `, ${tests.skipped} skipped` : ""}`);
process.exitCode = failed > 0 ? 1 : 0;

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
