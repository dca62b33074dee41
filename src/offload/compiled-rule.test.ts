import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError } from "../errors.ts";
import { apache } from "./apache/index.ts";
import type { OffloadBackend } from "./contract.ts";
import { compileRules } from "./compiled-rule.ts";
import { nginx } from "./nginx/index.ts";
import type { OffloadRule } from "./rule.ts";

type Backend = OffloadBackend | "none" | undefined;

const good = { sourceDir: "/srv/media", destinationUrl: "/_downloads/" };

/** A rule that can never work, and what the message must contain. */
const wrong: readonly [what: string, rule: OffloadRule, backend: Backend, message: RegExp][] = [
  ["no source", { destinationUrl: "/x/" }, nginx(), /sourceDir: "\/srv\/media".*sourceUrl: "\/media\/"/],
  ["a relative folder", { ...good, sourceDir: "media" }, nginx(), /path\.resolve/],
  ["the whole disk", { ...good, sourceDir: "/" }, nginx(), /whole disk/],
  ["the whole disk in disguise", { ...good, sourceDir: "/srv/.." }, nginx(), /whole disk/],
  ["a relative URL", { ...good, sourceUrl: "media/" }, nginx(), /"\/media\/"/],
  ["a URL with a query", { ...good, sourceUrl: "/media/?a=1" }, nginx(), /query/],
  ["no destination", { sourceDir: "/srv/media" }, nginx(), /destinationUrl: "\/_downloads\/"/],
  ["a folder for nginx", { sourceDir: "/a", destinationDir: "/a" }, nginx(), /not only the folder.*destinationUrl/],
  ["a URL for Apache", { sourceDir: "/a", destinationUrl: "/a/" }, apache(), /destinationDir: "\/a"/],
  ["the root as destination", { ...good, destinationUrl: "/" }, nginx(), /where the application is/],
  ["a whole URL as destination", { ...good, destinationUrl: "http://x/" }, nginx(), /plain path/],
  ["a climbing destination", { ...good, destinationUrl: "/a/../b" }, nginx(), /plain path/],
  [
    "a relative destination",
    { ...good, destinationDir: "media" },
    apache(),
    /destinationDir must be an absolute path, got "media"/,
  ],
  ["no backend", good, undefined, /backend: nginx\(\)/],
  [
    "a factory as backend",
    good,
    nginx as unknown as Backend,
    /got the function itself\. Did you forget the parentheses\?/,
  ],
  ["a string as backend", good, "nginx" as unknown as Backend, /got "nginx"/],
  ["options of nginx for Apache", { ...good, destinationDir: "/a", limitRate: 5 }, apache(), /limitRate.*apache/],
  ["a negative limit", { ...good, limitRate: -1 }, nginx(), /limitRate/],
  ["an invalid date", { ...good, expires: new Date("x") }, nginx(), /expires/],
  ["an unknown option", { ...good, destination_url: "/x/" } as OffloadRule, nginx(), /destination_url.*destinationUrl/],
  ["a presigned rule without an address", { ...good, presigned: true }, nginx(), /https:\/\/bucket/],
];

describe("compileRules", () => {
  it.each(wrong)("refuses %s", (_what, rule, backend, message) => {
    expect(() => compileRules([rule], backend)).toThrow(ImproperlyConfiguredError);
    expect(() => compileRules([rule], backend)).toThrow(message);
  });

  it("names the rule that is wrong", () => {
    expect(() => compileRules([good, { sourceDir: "/b" }], nginx())).toThrow(/^Offload rule 1: /);
  });

  it("refuses a rule whose files an earlier rule captures", () => {
    const narrower = { sourceDir: "/srv/media/private", destinationUrl: "/_private/" };
    expect(() => compileRules([good, narrower], nginx())).toThrow(/rule 1: never reached, because rule 0/);
    expect(() => compileRules([narrower, good], nginx())).not.toThrow();
    expect(() => compileRules([good, { ...narrower, sourceUrl: "/p/" }], nginx())).not.toThrow();
  });

  it('needs no destination if the backend is "none"', () => {
    expect(() => compileRules([{ sourceDir: "/srv/media" }], "none")).not.toThrow();
  });

  it("prefers the backend of the rule to the common one", () => {
    const [rule] = compileRules([{ sourceDir: "/a", destinationDir: "/b/", backend: apache() }], nginx());
    expect(rule).toMatchObject({ backend: { name: "apache" }, destination: "/b" });
  });
});
