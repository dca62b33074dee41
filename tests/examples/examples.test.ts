import { AssertionError } from "node:assert";
import { Server } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { examplesOf, extractExamples, project } from "./extract.ts";

const modules = extractExamples();

describe("every example in the documentation runs", () => {
  beforeEach(() => {
    vi.spyOn(console, "assert").mockImplementation((condition, ...message) => {
      if (!condition) throw new AssertionError({ message: message.join(" ") || "console.assert failed" });
    });
  });

  // A server of an example listens on a free port, whichever it names, and does not outlive its example.
  const { listen } = Server.prototype;
  const servers: Server[] = [];
  beforeEach(() => {
    vi.spyOn(Server.prototype, "listen").mockImplementation(function (this: Server, ...options: unknown[]) {
      servers.push(this);
      const listening = options.find((option) => typeof option === "function");
      return Reflect.apply(listen, this, [0, "127.0.0.1", listening]);
    });
  });

  afterEach(() => {
    vi.restoreAllMocks();
    for (const server of servers.splice(0)) server.close();
  });

  for (const { origin, subject, module } of modules.filter(({ runs }) => runs)) {
    it(`${origin}: ${subject}`, () => import(/* @vite-ignore */ join(project, module)));
  }
});

describe("extractExamples", () => {
  it("finds the code of a page under its heading", () => {
    const page = "# Title\n\n```ts\none();\n```\n\n## Part\n\n```sh\nnot this\n```\n\n```ts no-run\ntwo();\n```\n";
    expect(examplesOf("page.md", page)).toEqual([
      { subject: "Title", runs: true, code: "one();\n" },
      { subject: "Part", runs: false, code: "two();\n" },
    ]);
  });

  it("finds the code of a doc comment under the symbol that it documents", () => {
    const source = [
      "export class Shelf {",
      "  /**",
      "   * @example",
      "   * ```ts",
      "   * if (full) {",
      "   *   sort();",
      "   * }",
      "   * ```",
      "   */",
      "  static async sort(): Promise<void> {}",
      "}",
      "",
    ].join("\n");
    expect(examplesOf("shelf.ts", source)).toEqual([
      { subject: "sort", runs: true, code: "if (full) {\n  sort();\n}\n" },
    ]);
  });
});
