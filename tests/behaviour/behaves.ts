import { gunzipSync } from "node:zlib";
import { URLSigner } from "downloadview/signing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { secret } from "../frameworks/contents.ts";
import { until } from "../support/sockets.ts";
import {
  cases,
  compressionCases,
  diskCases,
  earlierFieldCases,
  middlewareCases,
  type Case,
  type Expectation,
  type Feature,
} from "./cases.ts";
import { exchange, leaveEarly, type Exchange, type Outcome } from "./exchange.ts";
import { placePackage } from "./project.ts";
import { start, type RunningServer, type Surroundings } from "./running-server.ts";
import type { ServerUnderTest } from "./servers.ts";
import { surroundings } from "./surroundings.ts";

/** Holds each server to the table. */
export function behave(servers: readonly ServerUnderTest[]): void {
  let around: Surroundings & AsyncDisposable;
  beforeAll(async () => {
    await placePackage();
    around = await surroundings();
  });
  afterAll(() => around?.[Symbol.asyncDispose]());

  for (const server of servers) {
    describe(`${server.framework} on ${server.runtime}`, () => {
      let running: RunningServer;
      let validators: Validators;
      const { base = "", protocol = "HTTP/1.1" } = server;
      const ask = ({ path, ...request }: Exchange): Promise<Outcome> =>
        exchange(protocol, running.port, { ...request, path: base + path });
      beforeAll(async () => {
        running = await start(server, around);
        validators = validatorsOf(await ask({ path: "/files/hello.txt" }));
      });
      afterAll(() => running?.[Symbol.asyncDispose]());

      it.each(casesFor(server))("$feature: $name", async (one) => {
        const outcome = await ask(await prepared(one.request, validators, base));
        check(outcome, expectationOf(one, server), validators, server);
      });

      if (!deviates(server, "Aborts")) {
        it("Aborts: a client that leaves stops what is generated for it", async () => {
          await leaveEarly(protocol, running.port, `${base}/endless`);
          await eventually(async () => (await ask({ path: "/stopped" })).body.toString() === "1");
        });
      }

      if (server.has.includes("disk")) {
        it("Aborts: a client that leaves has its file closed", async () => {
          await leaveEarly(protocol, running.port, `${base}/files/big.bin`);
          await until(() => running.openDescriptors() === 0);
        });
      }
    });
  }
}

function casesFor({ has, own = [] }: ServerUnderTest): Case[] {
  return [
    ...cases,
    ...own,
    ...(has.includes("disk") ? diskCases : []),
    ...(has.includes("middleware") ? middlewareCases : []),
    ...(has.includes("earlier fields") ? earlierFieldCases : []),
    ...(has.includes("compression") ? compressionCases : []),
  ];
}

function deviates({ deviations = [] }: ServerUnderTest, feature: Feature): boolean {
  return deviations.some((deviation) => deviation.cases.includes(feature));
}

function expectationOf({ name, feature, response }: Case, { deviations = [] }: ServerUnderTest): Expectation {
  return deviations
    .filter((deviation) => deviation.cases.includes(name) || deviation.cases.includes(feature))
    .reduce((expected, deviation) => merged(expected, deviation.response ?? {}), response);
}

function merged(expected: Expectation, { headers, ...rest }: Partial<Expectation>): Expectation {
  return { ...expected, ...rest, headers: { ...expected.headers, ...headers } };
}

interface Validators {
  readonly etag: string;
  readonly lastModified: string;
}

function validatorsOf({ headers }: Outcome): Validators {
  return { etag: headers.etag ?? "", lastModified: headers["last-modified"] ?? "" };
}

const signer = new URLSigner({ secrets: secret });

async function prepared(
  { path, headers = {}, ...request }: Exchange,
  validators: Validators,
  base: string,
): Promise<Exchange> {
  const filled = Object.entries(headers).map(([name, value]) => [name, fill(value, validators)] as const);
  const [, unsigned, rest = ""] = /^\{signature\}([^&]+)(.*)$/.exec(path) ?? [];
  const signed = unsigned === undefined ? path : (await signer.sign(base + unsigned)).slice(base.length) + rest;
  return { ...request, path: signed, headers: Object.fromEntries(filled) };
}

function fill(value: string, { etag, lastModified }: Validators): string {
  return value.replace("{etag}", etag).replace("{last-modified}", lastModified);
}

function check(outcome: Outcome, expected: Expectation, validators: Validators, { has }: ServerUnderTest): void {
  expect(outcome.status).toBe(expected.status);
  expect(outcome.complete, "whether the body looks whole").toBe(expected.complete ?? true);
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    const received = outcome.headers[name]?.toString();
    if (value === null) expect(received, name).toBeUndefined();
    else if (value instanceof RegExp) expect(received ?? "", name).toMatch(value);
    else expect(received, name).toBe(fill(value, validators));
  }
  checkBody(outcome, expected.body, has.includes("pages"));
}

/** `{404}` and `{500}` stand for the application's own page, where it has one. */
function checkBody({ body, headers }: Outcome, expected: Expectation["body"], hasPages: boolean): void {
  if (expected === undefined) return;
  if (expected instanceof Uint8Array) return expect(Buffer.compare(body, expected), "the bytes").toBe(0);
  const decoded = headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
  if (expected instanceof RegExp) expect(decoded.toString()).toMatch(expected);
  else if (expected !== "{404}" && expected !== "{500}") expect(decoded.toString()).toBe(expected);
  else if (hasPages) expect(decoded.toString()).toBe(pages[expected]);
  else expect(decoded.toString()).not.toMatch(/secret|behaviour-|\.ts\b/);
}

const pages = { "{404}": "the application's own 404\n", "{500}": "the application's own error\n" };

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error("It did not come about within five seconds");
  }
}
