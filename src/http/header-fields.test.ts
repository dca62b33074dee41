import { describe, expect, it } from "vitest";
import { fieldsFromRaw, HeaderFields, sendableFields } from "./header-fields.ts";

describe("HeaderFields", () => {
  it("finds names in any case and keeps their order", () => {
    const fields = new HeaderFields([
      ["B", "1"],
      ["A", "2"],
    ]);
    expect([...fields]).toEqual([
      ["B", "1"],
      ["A", "2"],
    ]);
    expect([fields.get("b"), fields.get("C"), fields.has("a"), fields.size]).toEqual(["1", null, true, 2]);
  });

  it("sets one value in place of all, appends beside them, deletes all", () => {
    const fields = new HeaderFields({ "Set-Cookie": ["a=1", "b=2"] });
    expect(fields.getAll("set-cookie")).toEqual(["a=1", "b=2"]);
    expect(fields.append("Vary", "Accept").append("vary", "Cookie").get("Vary")).toBe("Accept, Cookie");
    expect(fields.set("VARY", "Origin").toRaw()).toEqual(["Set-Cookie", "a=1", "Set-Cookie", "b=2", "VARY", "Origin"]);
    fields.delete("set-COOKIE");
    expect(fields.toRaw()).toEqual(["VARY", "Origin"]);
  });

  it.each(["a\r\nX: y", "a\nb", "a\0b", "日本", "\u007f"])("refuses the value %j", (value) => {
    expect(() => new HeaderFields().set("X", value)).toThrow(TypeError);
    expect(() => new HeaderFields().append("X", value)).toThrow(TypeError);
    expect(() => new HeaderFields({ X: value })).toThrow(TypeError);
  });

  it.each(["", "a b", "a:", "é", "a\r\n"])("refuses the name %j", (name) => {
    expect(() => new HeaderFields().set(name, "x")).toThrow(TypeError);
  });

  it("ignores undefined, and names the field whose value is not a string", () => {
    expect(new HeaderFields({ X: undefined, Y: "1" }).toRaw()).toEqual(["Y", "1"]);
    expect(() => new HeaderFields({ "X-Count": 5 as unknown as string })).toThrow(/X-Count must be a string/);
  });

  it("takes bytes above ASCII, as a file name for Apache needs them", () => {
    expect(new HeaderFields({ "X-Sendfile": "/Ã©" }).get("x-sendfile")).toBe("/Ã©");
  });
});

describe("A copy of HeaderFields", () => {
  const changes: readonly [name: string, change: (fields: HeaderFields) => void][] = [
    ["set", (fields) => void fields.set("A", "2")],
    ["append", (fields) => void fields.append("A", "2")],
    ["delete", (fields) => fields.delete("A")],
    ["setDefault", (fields) => void fields.setDefault("B", "2")],
  ];

  it.each(changes)("and its original do not see each other's %s", (_, change) => {
    const before = ["A", "1", "B", "1"];
    const original = new HeaderFields({ A: "1" }).setDefault("B", "1");
    const [first, second] = [new HeaderFields(original), new HeaderFields(original)];
    expect(first.equals(original)).toBe(true);
    change(original);
    expect([first.toRaw(), first.defaults, first.equals(original)]).toEqual([before, ["B"], false]);
    const changed = original.toRaw();
    change(first);
    change(first);
    expect([second.toRaw(), second.defaults, original.toRaw()]).toEqual([before, ["B"], changed]);
  });

  it.each(changes)("of a list leaves the list as it is after %s", (_, change) => {
    const list = ["A", "1", "B", "1"];
    change(fieldsFromRaw(list));
    expect(list).toEqual(["A", "1", "B", "1"]);
  });
});

describe("sendableFields", () => {
  it("leaves out fields that cannot be sent, and converts values to text", () => {
    const fields = {
      "Retry-After": 5,
      Allow: "GET",
      "X-A": "a\r\nb",
      "X-B": "\u0104",
      "a b": "1",
      "X-C": null,
      D: undefined,
    };
    expect(sendableFields(fields)).toEqual({ "Retry-After": "5", Allow: "GET" });
  });
});
