import type { HeaderFields } from "../http/header-fields.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { OffloadedDownloadResponse } from "./offloaded-download-response.ts";
import type { OffloadRule, RuleOption } from "./rule.ts";
import type { ServerConfiguration } from "./server-configuration.ts";
import type { TargetEncoding } from "./target-encoding.ts";

/** Where a server finds the file of a response. */
export interface FoundTarget {
  /** The URL or path, as it is. */
  readonly target: string;
  /** The same, as it goes into the field. */
  readonly encoded: string;
  readonly rule: OffloadRule;
  /** The URL that a storage signed for this download. */
  readonly signedUrl?: string;
}

/** What a server may be unable to do. */
export type Limit = "errors" | "several-ranges" | "content-encoding" | "names" | "slow-clients" | "broken-streams";

/** A server that sends files in the application's place: all that is known of it, in one table. */
export interface OffloadBackend {
  readonly name: string;
  /** The field that names the file. */
  readonly header: string;
  /** What that field holds: a URL of the server's own, or a path as the server sees it. */
  readonly target: "url" | "path";
  readonly encode: TargetEncoding;
  /** The status that the server acts upon. */
  readonly status: 200 | 307;
  /** The options of a rule that the server understands. */
  readonly options: readonly RuleOption[];
  /** Fields that the server would double. Lower-case. */
  readonly omits: readonly string[];
  /** Fields without which the response would be wrong, and which the server loses: the app streams. Lower-case. */
  readonly loses: readonly string[];
  /** Whether the server sends a part whatever If-Range says: the application hands over only where it holds. */
  readonly ignoresIfRange: boolean;
  /**
   * The form of the entity tags that the server makes and compares If-None-Match with, whatever the application's tag is:
   * a revalidation of a file with a tag of another form is the application's.
   */
  readonly ownEntityTag?: RegExp;
  /** What it cannot do, and what that means. The doctor says so. */
  readonly limits: Readonly<Partial<Record<Limit, string>>>;
  /** Fields of a response that the application streams through the server. */
  readonly streamed: Readonly<Record<string, string>>;
  respond(source: DownloadResponse, found: FoundTarget): OffloadedDownloadResponse;
  /** Whether the server makes ZIP archives itself, of a list of its own URLs. */
  readonly archives?: boolean;
  /** The last change to the fields, once all of them are known. */
  complete?(fields: HeaderFields): void;
  /** The server's configuration for these rules. */
  configuration(configuration: ServerConfiguration): string;
}
