import { existsSync, readFileSync } from "node:fs";

const here = new URL("./", import.meta.url);
const shared = new URL("../../../shared/conformance/", import.meta.url);

/** Reads a file of cases: the one that is shared beside the checkout where there is one, else our copy of it. */
export function readCases<T>(name: string): T {
  const original = new URL(name, shared);
  const url = existsSync(original) ? original : new URL(name, here);
  return JSON.parse(readFileSync(url, "utf8")) as T;
}

/** A request as the rules see it: field names in any case, absent ones null. */
export function requestOf(
  method: string,
  fields: Readonly<Record<string, string>>,
): { method: string; headers: { get(name: string): string | null } } {
  const values = new Map(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));
  return { method, headers: { get: (name) => values.get(name.toLowerCase()) ?? null } };
}
