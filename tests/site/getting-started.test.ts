import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { frameworksAreThere, howToInstall, placePackage } from "../behaviour/project.ts";
import { requires } from "../support/requires.ts";
import { follow, readTutorial, tutorialOf, type Runtime } from "./tutorial.ts";

const isInstalled = requires(frameworksAreThere, howToInstall);

/** Every page, with the oldest runtime that it promises to run on and that is here. */
const pages: readonly (readonly [page: string, runtime: Runtime])[] = [
  ["astro", "Node 24"],
  ["bun", "Node 20"],
  ["deno", "Node 20"],
  ["elysia", "Node 20"],
  ["express", "Node 20"],
  ["fastify", "Node 20"],
  ["h3", "Node 20"],
  ["hono", "Node 20"],
  ["http2", "Node 20"],
  ["koa", "Node 20"],
  ["nest", "Node 20"],
  ["nextjs", "Node 20"],

  ["nitro", "Node 24"],
  ["node", "Node 20"],
  ["node-http", "Node 20"],
  ["react-router", "Node 24"],
  ["sveltekit", "Node 24"],
  ["workers", "Node 20"],
];
/** The guides that are followed in the same way. */
const guides: readonly string[] = ["uploads"];

describe.skipIf(!isInstalled)("who follows the page of", () => {
  beforeAll(placePackage, 120_000);

  const followed = [
    ...pages.map(([page, runtime]) => [`getting-started/${page}`, runtime] as const),
    ...guides.map((page) => [`guides/${page}`, "Node 20"] as const),
  ];

  it.each(followed)("%s gets the 206 that it shows (%s)", { timeout: 120_000 }, async (page, runtime) => {
    const tutorial = await readTutorial(page);
    const printed = await follow(tutorial, runtime);
    const lines = tutorial.prints.trimEnd().split("\n");
    expect(printed.split("\n").map(asCompared)).toEqual(expect.arrayContaining(lines.map(asCompared)));
    expect(lines[0]).toMatch(/^HTTP\/(1\.1|2) 206\b/);
  });
});

/** Names of fields are the same in any case, and curl writes them as they came. */
function asCompared(line: string): string {
  return line.trimEnd().replace(/^[\w-]+(?=: )/, (name) => name.toLowerCase());
}

it("every page of docs/getting-started is followed", () => {
  const names = readdirSync(new URL("../../docs/getting-started", import.meta.url)).map((name) => name.slice(0, -3));
  expect(names.filter((name) => name !== "index").toSorted()).toEqual(pages.map(([name]) => name));
});

it("reads the commands, the files and the answer of a page", () => {
  const page = [
    "# Title",
    "```sh\nmkdir files\n```",
    "`server.js`:",
    "```ts\nserve();\n```",
    "```sh\nnode server.js\n```",
    "```sh\ncurl -i http://localhost:3000/\n```",
    "```http\nHTTP/1.1 206 Partial Content\n```",
    "```sh\nnot this\n```",
  ].join("\n\n");
  expect(tutorialOf(page)).toEqual({
    setup: "mkdir files\n",
    files: [{ name: "server.js", code: "serve();\n" }],
    start: "node server.js",
    ask: "curl -i http://localhost:3000/",
    prints: "HTTP/1.1 206 Partial Content\n",
  });
});
