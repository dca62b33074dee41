/**
 * Counts how often a link was used, over every process that serves it. Each method is atomic: of any number of calls at
 * once, no more than `limit` are granted.
 *
 * A download may take many requests: a client resumes it, or fetches it in pieces. The first of them takes one use of
 * the link and gets a *grant*; the others are let in by that grant, without another use.
 */
export interface DownloadCounter {
  /** Lets a request in, by a grant that its client has, or by another use. Gives the grant, or nothing if all are used. */
  begin(link: string, terms: DownloadTerms): Promise<string | undefined>;
  /** Says how a request ended that {@link begin} let in. */
  end(link: string, grant: string, result: GrantResult): Promise<void>;
  /** Whether {@link begin} would let the request in. Changes nothing. */
  allows(link: string, terms: DownloadTerms): Promise<boolean>;
}

export interface DownloadTerms {
  /** Who asks. A grant serves the client that it was given to, no other. */
  readonly client: string;
  /**
   * Whether the request is for the whole file. Such a one is let in by a grant only where nothing else is under way on
   * it: then it is a second attempt. Beside another it would be a second download.
   */
  readonly whole: boolean;
  /** How many uses the link has. */
  readonly limit: number;
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
  /** For how many milliseconds after its last request a grant serves. */
  readonly grantLife: number;
  /**
   * When the link ends or its count begins anew, in milliseconds since the epoch. That of the first request counts.
   * Default: never.
   */
  readonly expiresAt?: number | undefined;
}

export interface GrantResult {
  /**
   * - `unused`: nothing that counts was sent. The use is given back, unless another request of the grant counted.
   * - `partial`: something was sent. The use counts, the grant goes on.
   * - `complete`: everything was sent. The use counts, the grant is over.
   */
  readonly kind: "unused" | "partial" | "complete";
  readonly now: number;
  readonly grantLife: number;
}
