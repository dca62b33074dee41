import { readFileSync } from "node:fs";

/** Reads a file of cases that lies beside this one. */
export function readCases<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8")) as T;
}

/** A request as the rules see it: field names in any case, absent ones null. */
export function requestOf(
  method: string,
  fields: Readonly<Record<string, string>>,
): { method: string; headers: { get(name: string): string | null } } {
  const values = new Map(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));
  return { method, headers: { get: (name) => values.get(name.toLowerCase()) ?? null } };
}
