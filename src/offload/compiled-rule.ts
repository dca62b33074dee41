import { ImproperlyConfiguredError } from "../errors.ts";
import type { OffloadBackend } from "./backend.ts";
import { covers, locatePath, locateUrl, resolved, type Location } from "./path-prefix.ts";
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
  /** How long a URL that is signed for the server works, in seconds; undefined where none is. */
  readonly signedFor: number | undefined;
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
  return {
    rule,
    backend,
    sourceDir: rule.sourceDir === undefined ? undefined : locatePath(resolved(rule.sourceDir)),
    sourceUrl: rule.sourceUrl === undefined ? undefined : locateUrl(rule.sourceUrl),
    destination: backend === "none" ? "" : destinationOf(rule, backend),
    signedFor: lifeOf(rule.presigned),
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
