import type { OffloadBackend } from "./contract.ts";
import { locatePath, locateUrl, resolved } from "./path-prefix.ts";
import { ruleOptions, type OffloadRule, type RuleOption } from "./rule.ts";

const keys: Record<keyof OffloadRule, true> = {
  sourceDir: true,
  sourceUrl: true,
  destinationUrl: true,
  destinationDir: true,
  backend: true,
  expires: true,
  withBuffering: true,
  limitRate: true,
  presigned: true,
};

/** Returns why a rule can never work, and what to write instead. Undefined if it can work. */
export function faultOf(rule: OffloadRule, backend: OffloadBackend | "none" | undefined): string | undefined {
  return (
    unknownKey(rule) ??
    sourceFault(rule) ??
    backendFault(backend) ??
    (backend === "none" || backend === undefined
      ? undefined
      : (destinationFault(rule, backend) ?? optionFault(rule, backend) ?? presignedFault(rule)))
  );
}

function unknownKey(rule: OffloadRule): string | undefined {
  const unknown = Object.keys(rule).find((key) => !(key in keys));
  return unknown && `unknown option ${JSON.stringify(unknown)}. The options are ${Object.keys(keys).join(", ")}`;
}

function sourceFault({ sourceDir, sourceUrl }: OffloadRule): string | undefined {
  if (sourceDir === undefined && sourceUrl === undefined) {
    return 'write sourceDir: "/srv/media" (a folder), or sourceUrl: "/media/" (the base URL of a storage), got neither';
  }
  return (
    (sourceDir === undefined ? undefined : sourceDirFault(sourceDir)) ??
    (sourceUrl === undefined ? undefined : sourceUrlFault(sourceUrl))
  );
}

function sourceDirFault(sourceDir: string): string | undefined {
  if (!isAbsolute(sourceDir)) {
    return `sourceDir must be an absolute path, got ${JSON.stringify(sourceDir)}. Write path.resolve(…)`;
  }
  const location = locatePath(resolved(sourceDir));
  if (location?.segments.length === 0) {
    return `sourceDir must be the folder of the downloads, got the whole disk: ${JSON.stringify(sourceDir)}`;
  }
  return hasControls(sourceDir)
    ? `sourceDir must have no control characters, got ${JSON.stringify(sourceDir)}`
    : undefined;
}

function sourceUrlFault(sourceUrl: string): string | undefined {
  if (/[?#]/.test(sourceUrl)) return `sourceUrl must have no query and no fragment, got ${JSON.stringify(sourceUrl)}`;
  if (locateUrl(sourceUrl) !== undefined) return undefined;
  return (
    'sourceUrl must be a path from the root, such as "/media/", or a whole URL, such as "https://files.example/media/", ' +
    `got ${JSON.stringify(sourceUrl)}`
  );
}

function backendFault(backend: OffloadBackend | "none" | undefined): string | undefined {
  if (backend === undefined)
    return 'backend is missing. Write the server, such as backend: nginx(), or "none" if the application sends all files';
  if (backend === "none" || (typeof backend === "object" && "encode" in backend)) return undefined;
  const found: unknown = backend;
  const got =
    typeof found === "function" ? "the function itself. Did you forget the parentheses?" : JSON.stringify(found);
  return `backend must be nginx(), apache(), lighttpd(), caddy(), h2o() or "none", got ${got}`;
}

function destinationFault(rule: OffloadRule, { name, target }: OffloadBackend): string | undefined {
  return target === "url" ? destinationUrlFault(rule, name) : destinationDirFault(rule, name);
}

function destinationUrlFault({ destinationUrl, destinationDir }: OffloadRule, name: string): string | undefined {
  if (destinationUrl === undefined) {
    const instead = destinationDir === undefined ? "" : ", not only the folder";
    return `write the internal URL under which ${name} finds the files${instead}: destinationUrl: "/_downloads/"`;
  }
  const location = destinationUrl.startsWith("/") ? locateUrl(destinationUrl) : undefined;
  if (location === undefined || /[?#%\s]/.test(destinationUrl) || destinationUrl.startsWith("//")) {
    return `destinationUrl must be a plain path, such as "/_downloads/", got ${JSON.stringify(destinationUrl)}`;
  }
  if (location.segments.length > 0) return undefined;
  return 'destinationUrl must be a path that is not used otherwise, such as "/_downloads/", got "/", where the application is';
}

function destinationDirFault({ destinationDir, sourceDir }: OffloadRule, name: string): string | undefined {
  if (destinationDir === undefined) {
    const example = JSON.stringify(sourceDir ?? "/srv/media");
    return `write the folder of the files, as ${name} sees it: destinationDir: ${example}`;
  }
  const got = `got ${JSON.stringify(destinationDir)}`;
  if (!isAbsolute(destinationDir)) return `destinationDir must be an absolute path, ${got}`;
  if (hasControls(destinationDir)) return `destinationDir must have no control characters, ${got}`;
  return locatePath(resolved(destinationDir))?.segments.length === 0
    ? `destinationDir must be the folder of the downloads, got the whole disk: ${JSON.stringify(destinationDir)}`
    : undefined;
}

function optionFault(rule: OffloadRule, backend: OffloadBackend): string | undefined {
  const foreign = ruleOptions.find((option) => rule[option] !== undefined && !backend.options.includes(option));
  if (foreign) return `${foreign} is not supported by ${backend.name}. Remove it`;
  return ruleOptions.map((option) => valueFault(rule, option)).find((fault) => fault !== undefined);
}

function valueFault(rule: OffloadRule, option: RuleOption): string | undefined {
  if (option === "expires" && !isSecondsOrDate(rule.expires)) {
    return `expires must be a whole number of seconds, a valid Date or false, got ${String(rule.expires)}`;
  }
  if (option === "limitRate" && !isNaturalOrFalse(rule.limitRate)) {
    return `limitRate must be a whole number of bytes per second or false, got ${String(rule.limitRate)}`;
  }
  return undefined;
}

function isSecondsOrDate(value: number | Date | false | undefined): boolean {
  return value instanceof Date ? !Number.isNaN(value.getTime()) : isNaturalOrFalse(value);
}

function isNaturalOrFalse(value: number | false | undefined): boolean {
  return value === undefined || value === false || (Number.isSafeInteger(value) && value >= 0);
}

function presignedFault({ presigned, sourceUrl = "" }: OffloadRule): string | undefined {
  if (!presigned || /^https?:\/\//i.test(sourceUrl)) return undefined;
  return 'presigned needs the address of the storage. Write sourceUrl: "https://bucket.s3.example/"';
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path);
}

function hasControls(path: string): boolean {
  return /[\0-\x1f\x7f]/.test(path);
}
