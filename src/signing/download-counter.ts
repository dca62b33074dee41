/**
 * Counts how often a link was used, over every process that serves it. Each method is atomic: of any number of calls at
 * once, no more than `limit` uses are granted.
 *
 * A download may take many requests: a client resumes it, or fetches it in pieces. The first request takes one use of
 * the link and gets a *grant*. Later requests of the same client join that grant, as long as it has bytes left:
 *
 * 1. {@link begin} before the file is known. The request holds its grant.
 * 2. {@link charge} once the range, size and version are known, before the first byte. It may move the request to
 *    another grant, take another use of the link, or refuse it.
 * 3. {@link end}, with the bytes that were sent.
 *
 * A request that never gets to step 3 keeps its use: an uncounted download is worse than a lost one.
 */
export interface DownloadCounter {
  /** Admits a request, by a grant of its client or by another use. Returns the grant, or undefined if all uses are taken. */
  begin(link: string, terms: DownloadTerms): Promise<string | undefined>;
  /**
   * Reserves the bytes that are about to be sent. Returns the grant that they were taken from. Undefined if neither the
   * client's grants nor the link have as many left: the request has ended then, and must not get the bytes.
   */
  charge(link: string, grant: string, charge: DownloadCharge, terms: DownloadTerms): Promise<string | undefined>;
  /** Ends a request that {@link begin} admitted. */
  end(link: string, grant: string, result: GrantResult): Promise<void>;
  /** Whether {@link begin} would admit the request. Changes nothing. */
  allows(link: string, terms: DownloadTerms): Promise<boolean>;
}

export interface DownloadTerms {
  /** Identifies the client. A grant serves only the client that got it. */
  readonly client: string;
  /** Whether the request asks for the file from its first byte to its last, as far as its Range field tells. */
  readonly whole: boolean;
  /** How many uses the link has. */
  readonly limit: number;
  /** The bytes that one use may lose to broken transfers, as a multiple of the size of the file. */
  readonly restarts: number;
  /** The time, in milliseconds since the epoch. */
  readonly now: number;
  /** How long a grant lives after its last request, in milliseconds. */
  readonly grantLife: number;
  /**
   * When the link expires or its count starts again, in milliseconds since the epoch. The value of the first request
   * applies. Default: never.
   */
  readonly expiresAt?: number | undefined;
}

/** The bytes that are about to be sent. */
export interface DownloadCharge {
  readonly bytes: number;
  /** Bytes of the whole file. At least 1. */
  readonly size: number;
  /** The strong entity tag of the file. Undefined if it has none. */
  readonly version?: string | undefined;
  /** Whether the bytes begin after the first byte of the file, so that the request may resume a broken transfer. */
  readonly resumes: boolean;
  /** Whether they are so few that the client only probes: players request `bytes=0-1` first. They count as lost. */
  readonly probe: boolean;
}

export interface GrantResult {
  /**
   * - `unused`: nothing was sent.
   * - `broken`: the transfer ended before all of the charge was sent.
   * - `complete`: everything was sent.
   * - `handedOver`: another server sends the file. Its outcome is unknown.
   */
  readonly kind: "unused" | "broken" | "complete" | "handedOver";
  /** The charge of the request. Undefined if the request ended before it was charged. */
  readonly charge?: DownloadCharge | undefined;
  /** Bytes that were sent, in the unit of the charge. */
  readonly sent: number;
  /** Whether the use counts from now on. If no request of a grant counts when the last one ends, the use is returned. */
  readonly counts: boolean;
  readonly now: number;
  readonly grantLife: number;
}
