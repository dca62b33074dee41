import type { CheckResult, Outcome, Side } from "./check-result.ts";
import type { Diagnosis } from "./diagnose.ts";

const marks: Readonly<Record<Outcome, string>> = { pass: "pass", fail: "FAIL", note: "note", skipped: "  – " };

/** Formats a diagnosis for people: one line per check, and what to change below each failure. */
export function formatDiagnosis({ results, healthy }: Diagnosis): string {
  const failures = results.filter(({ outcome }) => outcome === "fail").length;
  const verdict = healthy ? "Healthy." : `${failures} ${failures === 1 ? "check" : "checks"} failed.`;
  return [...results.map(formatResult), "", verdict, ""].join("\n");
}

function formatResult(result: CheckResult): string {
  const lines = [`${marks[result.outcome]}  ${result.title}  [${result.check}]`];
  if (result.outcome === "fail") lines.push(`      fix       the ${nameOf[result.side ?? "app"]}`);
  if (result.expected !== undefined) lines.push(`      expected  ${result.expected}`);
  if (result.actual !== undefined) lines.push(`      got       ${result.actual}`);
  if (result.remedy !== undefined) lines.push(`      how       ${result.remedy}`);
  if (result.follows !== undefined) lines.push(`      follows   from ${result.follows}`);
  return lines.join("\n");
}

const nameOf: Readonly<Record<Side, string>> = {
  app: "application (app)",
  proxy: "server in front (proxy)",
  storage: "storage",
  between: "CDN, cache or load balancer between the clients and the server (between)",
};
