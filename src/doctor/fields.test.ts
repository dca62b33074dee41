import { describe, expect, it } from "vitest";
import type { Reply } from "./ask.ts";
import { changedFields, describeChanges } from "./fields.ts";

function reply(fields: Record<string, readonly string[]>): Reply {
  const lines = (name: string): readonly string[] => fields[name] ?? [];
  return { status: 200, lines, field: (name) => lines(name)[0], names: Object.keys(fields), body: Buffer.of() };
}

describe("fields of a response that a server passed on", () => {
  it.each([
    [["Cookie"], ["Cookie, Accept-Encoding"], ""],
    [["Cookie"], ["Cookie", "Accept-Encoding"], ""],
    [["Cookie, Accept-Encoding"], ["Cookie"], "Vary becomes Cookie"],
    [["Cookie"], ["Accept-Encoding"], "Vary becomes Accept-Encoding"],
    [["Cookie"], ["Cookie", "Cookie"], "Vary is doubled"],
    [["Cookie"], [], "Vary is dropped"],
  ])("Vary %j as %j", (own, theirs, described) => {
    expect(describeChanges(changedFields(reply({ vary: own }), reply({ vary: theirs })))).toBe(described);
  });
});
