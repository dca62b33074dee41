import type { HeaderFields } from "../http/header-fields.ts";
import type { DownloadResponse } from "../responses/download-response.ts";
import type { OffloadedDownloadResponse } from "./offloaded-download-response.ts";
import type { OffloadRule, RuleOption } from "./rule.ts";
import type { ServerConfiguration } from "./server-configuration.ts";
import type { TargetEncoding } from "./target-encoding.ts";

/** Where a server finds the file of a response. */
export interface FoundTarget {
  /** The URL or path, not encoded. */
  readonly target: string;
  /** The same, encoded as the value of the field. */
  readonly encoded: string;
  readonly rule: OffloadRule;
  /** The URL that a storage signed for this download. */
  readonly signedUrl?: string;
}

/** The subject of something that a server cannot do. */
export type Limit = "errors" | "several-ranges" | "content-encoding" | "names" | "slow-clients" | "broken-streams";

/** Describes a server that sends files in the application's place. Everything that differs between servers is here. */
export interface OffloadBackend {
  readonly name: string;
  /** The field that names the file. */
  readonly header: string;
  /** Whether that field holds an internal URL of the server, or a path as the server sees it. */
  readonly target: "url" | "path";
  readonly encode: TargetEncoding;
  /** The status that the server acts upon. */
  readonly status: 200 | 307;
  /** The options of a rule that the server understands. */
  readonly options: readonly RuleOption[];
  /** Fields that the server adds itself, so that the application's would be doubled. Lower-case. */
  readonly omits: readonly string[];
  /** Fields that the server drops although the response is wrong without them: the application streams. Lower-case. */
  readonly loses: readonly string[];
  /** Whether the server ignores If-Range. The application then offloads a range only if If-Range holds. */
  readonly ignoresIfRange: boolean;
  /**
   * The form of the entity tags that the server makes. It compares If-None-Match with its own tag, not with the
   * application's. If the file has a tag of another form, the application answers If-None-Match.
   */
  readonly ownEntityTag?: RegExp;
  /** What the server cannot do, and the consequence, as a sentence. The doctor prints it. */
  readonly limits: Readonly<Partial<Record<Limit, string>>>;
  /** Fields that are added to a response that the application streams through the server. */
  readonly streamed: Readonly<Record<string, string>>;
  /** Makes the response that names the file for the server. */
  respond(source: DownloadResponse, found: FoundTarget): OffloadedDownloadResponse;
  /** Whether the server makes ZIP archives itself, from a list of its internal URLs. Default false. */
  readonly archives?: boolean;
  /** Changes the fields after all others are set. */
  complete?(fields: HeaderFields): void;
  /** Writes the server's configuration for these rules. */
  configuration(configuration: ServerConfiguration): string;
}
