/**
 * Counts how often a link was used, over every process that serves it. Each method is atomic: of any number of calls at
 * once, no more than `limit` uses are granted.
 *
 * A download may take many requests: a client resumes it, or fetches it in pieces. The first request takes one use of
 * the link and gets a *grant*. Later requests of the same client join that grant, as long as it has bytes left:
 *
 * 1. {@link begin} before anything is known of the file. The request holds its grant.
 * 2. {@link charge} once the range, size and version are known, before the first byte. It may move the request to
 *    another grant, take another use of the link, or refuse it.
 * 3. {@link end}, with what was really sent.
 *
 * A request that never gets to step 3 keeps its use: an uncounted download is worse than a lost one.
 */
export interface DownloadCounter {
  /** Lets a request in, by a grant of its client or by another use. Returns the grant, or undefined if all are used. */
  begin(link: string, terms: DownloadTerms): Promise<string | undefined>;
  /**
   * Reserves the bytes that a request is about to be sent. Returns the grant that they were taken from, or undefined if
   * neither its client's grants nor the link have as many left: then the request has ended, and must not be sent them.
   */
  charge(link: string, grant: string, charge: DownloadCharge, terms: DownloadTerms): Promise<string | undefined>;
  /** Ends a request that {@link begin} let in. */
  end(link: string, grant: string, result: GrantResult): Promise<void>;
  /** Whether {@link begin} would let the request in. Changes nothing. */
  allows(link: string, terms: DownloadTerms): Promise<boolean>;
}

export interface DownloadTerms {
  /** Who asks. A grant serves the client that it was given to, no other. */
  readonly client: string;
  /** Whether the request asks for the file from its first byte to its last, as far as its Range field tells. */
  readonly whole: boolean;
  /** How many uses the link has. */
  readonly limit: number;
  /** How many times the size of the file one use may lose to transfers that broke off. */
  readonly restarts: number;
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

/** The bytes that a request is about to be sent. */
export interface DownloadCharge {
  readonly bytes: number;
  /** Bytes of the whole file. At least 1. */
  readonly size: number;
  /** Tells one version of the file from another. Undefined if the file has no strong entity tag. */
  readonly version?: string | undefined;
  /** Whether the first byte of the file is not among them, so that the request may go on with another that broke off. */
  readonly resumes: boolean;
  /** Whether they are so few that the client only looks: players ask for `bytes=0-1` first. They count as lost. */
  readonly probe: boolean;
}

export interface GrantResult {
  /**
   * - `unused`: nothing was sent.
   * - `broken`: the transfer ended before all of the charge was sent.
   * - `complete`: everything was sent.
   * - `handedOver`: another server sends it. How that ends is unknown.
   */
  readonly kind: "unused" | "broken" | "complete" | "handedOver";
  /** What the request was charged. Undefined if it ended before. */
  readonly charge?: DownloadCharge | undefined;
  /** Bytes that were sent, in the unit of the charge. */
  readonly sent: number;
  /** Whether the use counts from now on. If nothing of a grant counts when its last request ends, its use is given back. */
  readonly counts: boolean;
  readonly now: number;
  readonly grantLife: number;
}
