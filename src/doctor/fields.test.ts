import { describe, expect, it } from "vitest";
import type { Reply } from "./ask.ts";
import { missingFields } from "./fields.ts";

function reply(fields: Record<string, readonly string[]>): Reply {
  const lines = (name: string): readonly string[] => fields[name] ?? [];
  return { status: 200, lines, field: (name) => lines(name)[0], names: Object.keys(fields), body: Buffer.of() };
}

describe("fields of a response that a server passed on", () => {
  it.each([
    [["Cookie"], ["Cookie, Accept-Encoding"], []],
    [["Cookie"], ["Cookie", "Accept-Encoding"], []],
    [["Cookie, Accept-Encoding"], ["Cookie"], ["vary becomes Cookie"]],
    [["Cookie"], ["Accept-Encoding"], ["vary becomes Accept-Encoding"]],
    [["Cookie"], ["Cookie", "Cookie"], ["vary is doubled"]],
    [["Cookie"], [], ["vary is dropped"]],
  ])("Vary %j as %j", (own, theirs, missing) => {
    expect(missingFields(reply({ vary: own }), reply({ vary: theirs }))).toEqual(missing);
  });
});
