import { ImproperlyConfiguredError } from "../errors.ts";
import type { OffloadBackend } from "./contract.ts";
import { covers, locatePath, locateUrl, resolved, segmentsBelow, type Location } from "./path-prefix.ts";
import { faultOf } from "./rule-fault.ts";
import type { OffloadRule } from "./rule.ts";

/** A rule that can work. */
export interface CompiledRule {
  readonly rule: OffloadRule;
  readonly backend: OffloadBackend | "none";
  readonly sourceDir: Location | undefined;
  readonly sourceUrl: Location | undefined;
  /** Where the server finds the files, without a slash at the end. */
  readonly destination: string;
  /** Where the server finds the file at an absolute path of this machine; undefined if the rule does not capture it. */
  readonly targetOfPath: (path: string) => Target | undefined;
  /** How long a URL that is signed for the server works, in seconds; undefined where none is. */
  readonly signedFor: number | undefined;
}

/** A file as a server is told of it. */
export interface Target {
  readonly name: string;
  /** As a header field's value; undefined if the name cannot be sent. */
  readonly encoded: string | undefined;
}

/**
 * Makes rules ready to be matched, first to last.
 * @throws {ImproperlyConfiguredError} for a rule that cannot work, with what to write instead
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

/** What lies at a decoded name of the server's. */
export function targetAt(name: string, backend: OffloadBackend | "none"): Target {
  return { name, encoded: backend === "none" ? undefined : backend.encode(name) };
}

/** What of a location is below a prefix, if both are there. */
export function partBelow(prefix: Location | undefined, location: Location | undefined): readonly string[] | undefined {
  return prefix && location && segmentsBelow(prefix, location);
}

const mostRemembered = 4096;

/** A pure function that does not work out again what it was asked lately: paths are taken apart and put together. */
function remembered<T>(derive: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    if (known.has(key)) return known.get(key)!;
    if (known.size >= mostRemembered) known.clear();
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
  // The server uses it at once; a download that is under way does not notice that it ended.
  return (presigned === true ? undefined : presigned.expiresIn) ?? 300;
}

function checkReached(rule: CompiledRule, earlier: readonly CompiledRule[], at: number): void {
  const first = earlier.findIndex((other) => coversRule(other, rule));
  if (first === -1) return;
  throw wrongRule(at, `is never reached: rule ${first} captures all of it. Put the narrower rule before the wider one`);
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
  return new ImproperlyConfiguredError(`Offload rule ${at} ${fault}`);
}
