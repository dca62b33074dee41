import { ImproperlyConfiguredError } from "../errors.ts";
import type { OffloadBackend } from "./contract.ts";
import { covers, locatePath, locateUrl, resolved, segmentsBelow, type Location } from "./path-prefix.ts";
import { faultOf } from "./rule-fault.ts";
import type { OffloadRule } from "./rule.ts";

/** A checked rule, with its prefixes parsed. */
export interface CompiledRule {
  readonly rule: OffloadRule;
  readonly backend: OffloadBackend | "none";
  readonly sourceDir: Location | undefined;
  readonly sourceUrl: Location | undefined;
  /** Where the server finds the files, without a slash at the end. */
  readonly destination: string;
  /** Returns where the server finds the file at an absolute local path. Undefined if the rule does not capture the path. */
  readonly targetOfPath: (path: string) => Target | undefined;
  /** How long a URL that is signed for the server works, in seconds. Undefined if the rule is not presigned. */
  readonly signedFor: number | undefined;
}

/** The name of a file on the server. */
export interface Target {
  readonly name: string;
  /** The name as the value of a header field. Undefined if the field cannot hold it. */
  readonly encoded: string | undefined;
}

/**
 * Checks and compiles rules, in the order in which they are matched.
 * @throws {ImproperlyConfiguredError} if a rule can never work. The message says what to write instead
 */
export function compileRules(
  rules: readonly OffloadRule[],
  backend: OffloadBackend | "none" | undefined,
): readonly CompiledRule[] {
  const compiled = rules.map((rule, at) => compileRule(rule, rule.backend ?? backend, at));
  compiled.forEach((rule, at) => checkReached(rule, compiled.slice(0, at), at));
  return compiled;
}

function compileRule(rule: OffloadRule, backend: OffloadBackend | "none" | undefined, at: number): CompiledRule {
  const fault = faultOf(rule, backend);
  if (fault !== undefined || backend === undefined) throw wrongRule(at, fault ?? "");
  const sourceDir = rule.sourceDir === undefined ? undefined : locatePath(resolved(rule.sourceDir));
  const destination = backend === "none" ? "" : destinationOf(rule, backend);
  return {
    rule,
    backend,
    sourceDir,
    sourceUrl: rule.sourceUrl === undefined ? undefined : locateUrl(rule.sourceUrl),
    destination,
    targetOfPath: remembered((path) => {
      const below = sourceDir && partBelow(sourceDir, locatePath(path));
      return below && targetAt([destination, ...below].join("/"), backend);
    }),
    signedFor: lifeOf(rule.presigned),
  };
}

/** Returns the target with this decoded name. */
export function targetAt(name: string, backend: OffloadBackend | "none"): Target {
  return { name, encoded: backend === "none" ? undefined : backend.encode(name) };
}

/** Returns the segments of `location` below `prefix`. Undefined if it is not below it, or if either is undefined. */
export function partBelow(prefix: Location | undefined, location: Location | undefined): readonly string[] | undefined {
  return prefix && location && segmentsBelow(prefix, location);
}

const maxRemembered = 4096;

/** Caches the results of a pure function: parsing and encoding a path costs microseconds on each request. */
export function remembered<T>(derive: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    if (known.has(key)) return known.get(key)!;
    if (known.size >= maxRemembered) known.clear();
    const value = derive(key);
    known.set(key, value);
    return value;
  };
}

function destinationOf(rule: OffloadRule, { target }: OffloadBackend): string {
  const destination = target === "url" ? rule.destinationUrl : rule.destinationDir;
  return resolved(destination ?? "").replace(/\/+$/, "");
}

function lifeOf(presigned: OffloadRule["presigned"]): number | undefined {
  if (presigned === undefined || presigned === false) return undefined;
  // The server uses the URL at once, and a running download goes on after the URL has expired.
  return (presigned === true ? undefined : presigned.expiresIn) ?? 300;
}

function checkReached(rule: CompiledRule, earlier: readonly CompiledRule[], at: number): void {
  const first = earlier.findIndex((other) => coversRule(other, rule));
  if (first === -1) return;
  throw wrongRule(at, `never reached, because rule ${first} captures all of its files. Put the narrower rule first`);
}

function coversRule(outer: CompiledRule, inner: CompiledRule): boolean {
  return (
    coversPart(outer.sourceDir, inner.sourceDir) &&
    coversPart(outer.sourceUrl, inner.sourceUrl) &&
    outer.signedFor === inner.signedFor
  );
}

function coversPart(outer: Location | undefined, inner: Location | undefined): boolean {
  return inner === undefined || (outer !== undefined && covers(outer, inner));
}

function wrongRule(at: number, fault: string): ImproperlyConfiguredError {
  return new ImproperlyConfiguredError(`Offload rule ${at}: ${fault}`);
}
