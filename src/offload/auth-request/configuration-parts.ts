import { ImproperlyConfiguredError } from "../../errors.ts";
import type { CompiledRule } from "../compiled-rule.ts";
import { folderOf } from "../server-configuration.ts";

/** Where the generated configurations ask the application whether a client may have a file. */
export const authorizePath = "/_downloadview/authorize";

/** Fields of a decision that belong on the file. */
export const decidedFields = [
  "Content-Disposition",
  "Cache-Control",
  "Expires",
  "Content-Language",
  "Content-Security-Policy",
  "X-Content-Type-Options",
  "X-Frame-Options",
  "X-Robots-Tag",
  "Referrer-Policy",
  "Cross-Origin-Resource-Policy",
  "Access-Control-Allow-Origin",
  "Access-Control-Allow-Credentials",
  "Access-Control-Expose-Headers",
  "Timing-Allow-Origin",
  "Vary",
] as const;

/** The files of a rule as clients see them. */
export interface PublicFolder {
  /** With a slash at both ends. */
  readonly url: string;
  readonly folder: string;
}

/** @throws {ImproperlyConfiguredError} for a rule that does not say under which URL clients ask, or where the files are */
export function publicFolder(compiled: CompiledRule, at: number): PublicFolder {
  const { sourceUrl } = compiled.rule;
  const folder = folderOf(compiled);
  if (sourceUrl === undefined || !sourceUrl.startsWith("/")) {
    throw new ImproperlyConfiguredError(
      `Offload rule ${at} does not say under which URL clients ask for the files, as --auth-request needs: ` +
        'give sourceUrl: "/media/"',
    );
  }
  if (folder === undefined) {
    throw new ImproperlyConfiguredError(
      `Offload rule ${at} does not say in which folder the server finds the files: give destinationDir: "/srv/media"`,
    );
  }
  return { url: `/${sourceUrl.replaceAll(/^\/+|\/+$/g, "")}/`.replace("//", "/"), folder };
}

/**
 * The URL, with a slash at both ends, under which clients ask for the objects of a rule.
 * @throws {ImproperlyConfiguredError} for a rule that is not presigned
 */
export function publicStore({ signedFor, destination }: CompiledRule, at: number): string {
  if (signedFor !== undefined) return `${destination}/`;
  throw new ImproperlyConfiguredError(
    `Offload rule ${at}: --auth-request fetches objects by URLs that their storage has signed. Write presigned: true`,
  );
}
