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

/** Why a rule can never work, and what to write instead. */
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
  return unknown && `has ${JSON.stringify(unknown)}, which is not one of ${Object.keys(keys).join(", ")}`;
}

function sourceFault({ sourceDir, sourceUrl }: OffloadRule): string | undefined {
  if (sourceDir === undefined && sourceUrl === undefined) {
    return 'captures nothing: give sourceDir: "/srv/media" (a folder), or sourceUrl: "/media/" (a storage\'s base URL)';
  }
  return (
    (sourceDir === undefined ? undefined : sourceDirFault(sourceDir)) ??
    (sourceUrl === undefined ? undefined : sourceUrlFault(sourceUrl))
  );
}

function sourceDirFault(sourceDir: string): string | undefined {
  if (!isAbsolute(sourceDir)) {
    return `has the relative sourceDir ${JSON.stringify(sourceDir)}: make it absolute with path.resolve()`;
  }
  const location = locatePath(resolved(sourceDir));
  if (location?.segments.length === 0) return "has the whole disk as its sourceDir: give the folder of the downloads";
  return hasControls(sourceDir) ? "has a control character in its sourceDir" : undefined;
}

function sourceUrlFault(sourceUrl: string): string | undefined {
  if (/[?#]/.test(sourceUrl))
    return `has a query or fragment in its sourceUrl ${JSON.stringify(sourceUrl)}: leave it out`;
  if (locateUrl(sourceUrl) !== undefined) return undefined;
  return (
    `has the sourceUrl ${JSON.stringify(sourceUrl)}, which no file's URL begins with: write a path from the root ` +
    'such as "/media/", or a whole URL such as "https://files.example/media/"'
  );
}

function backendFault(backend: OffloadBackend | "none" | undefined): string | undefined {
  if (backend === undefined)
    return 'has no backend: give one, such as backend: nginx(), or "none" for no server at all';
  if (backend === "none" || (typeof backend === "object" && "encode" in backend)) return undefined;
  return `has a backend that is none: write nginx(), apache(), lighttpd(), caddy() or h2o(), with the parentheses`;
}

function destinationFault(rule: OffloadRule, { name, target }: OffloadBackend): string | undefined {
  return target === "url" ? destinationUrlFault(rule, name) : destinationDirFault(rule, name);
}

function destinationUrlFault({ destinationUrl, destinationDir }: OffloadRule, name: string): string | undefined {
  if (destinationUrl === undefined) {
    const instead = destinationDir === undefined ? "" : ", not only the folder";
    return `needs the internal URL under which ${name} finds the files${instead}: destinationUrl: "/_downloads/"`;
  }
  const location = destinationUrl.startsWith("/") ? locateUrl(destinationUrl) : undefined;
  if (location === undefined || /[?#%\s]/.test(destinationUrl) || destinationUrl.startsWith("//")) {
    return `has the destinationUrl ${JSON.stringify(destinationUrl)}: write a plain path, such as "/_downloads/"`;
  }
  if (location.segments.length > 0) return undefined;
  return 'has the destinationUrl "/", which is where the application is: give it one of its own, such as "/_downloads/"';
}

function destinationDirFault({ destinationDir, sourceDir }: OffloadRule, name: string): string | undefined {
  if (destinationDir === undefined) {
    const example = JSON.stringify(sourceDir ?? "/srv/media");
    return `needs the folder in which ${name} finds the files, as ${name} sees it: destinationDir: ${example}`;
  }
  if (!isAbsolute(destinationDir)) return `has the relative destinationDir ${JSON.stringify(destinationDir)}`;
  if (hasControls(destinationDir)) return "has a control character in its destinationDir";
  return locatePath(resolved(destinationDir))?.segments.length === 0
    ? "has the whole disk as its destinationDir"
    : undefined;
}

function optionFault(rule: OffloadRule, backend: OffloadBackend): string | undefined {
  const foreign = ruleOptions.find((option) => rule[option] !== undefined && !backend.options.includes(option));
  if (foreign) return `has ${foreign}, of which ${backend.name} knows nothing: leave it out`;
  return ruleOptions.map((option) => valueFault(rule, option)).find((fault) => fault !== undefined);
}

function valueFault(rule: OffloadRule, option: RuleOption): string | undefined {
  if (option === "expires" && !isSecondsOrDate(rule.expires)) {
    return "has an expires that is neither seconds, nor a Date, nor false";
  }
  if (option === "limitRate" && !isNaturalOrFalse(rule.limitRate)) {
    return "has a limitRate that is neither a whole number of bytes a second nor false";
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
  return 'is presigned, so it needs the address of the storage: sourceUrl: "https://bucket.s3.example/"';
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path);
}

function hasControls(path: string): boolean {
  return /[\0-\x1f\x7f]/.test(path);
}
