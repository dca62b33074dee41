/** What the runner, the servers and the load generator say to each other. */

/** What a server process has used since its start, or holds now. */
export interface Usage {
  readonly cpuSeconds: number;
  /** How much of it was the application's, where a proxy stands before it. */
  readonly applicationCpuSeconds?: number;
  readonly rssBytes: number;
  /** Open descriptors, where the system can tell. */
  readonly descriptors?: number;
}

/** The request of a workload, ready to be sent. */
export interface Target {
  readonly port: number;
  /** A `*` in it stands for a number: of the connection, or of the file that is picked. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The answer that counts. Any other ends the measurement. */
export interface Expected {
  readonly status: number;
  readonly bodyBytes: number;
}

export interface Check extends Target {
  /** Don't wait for the body. */
  readonly headOnly: boolean;
}

export interface CheckedResponse {
  readonly status: number;
  readonly head: string;
  readonly bodyBytes?: number;
  /** SHA-256 of the body, in hexadecimal. */
  readonly digest?: string;
}

/** What a load generator can do to a server. */
export type Load =
  /** Each connection asks again as soon as it has been answered, and not any more after `seconds`. */
  | {
      readonly kind: "requests";
      readonly connections: number;
      readonly seconds: number;
      /** Each request is for another file. Default: each connection asks for the same file again. */
      readonly pick?: Pick;
    }
  /** Each connection reads downloads that are too long to be waited for. */
  | { readonly kind: "cut-downloads"; readonly connections: number; readonly seconds: number }
  /** Each connection reads a little now and then, and at last nothing any more. */
  | { readonly kind: "stalled"; readonly connections: number; readonly seconds: number }
  /** Each download is given up at its first bytes. */
  | { readonly kind: "aborts"; readonly downloads: number; readonly concurrency: number }
  /** One request after the other. */
  | { readonly kind: "first-byte"; readonly requests: number };

/** One file out of many for each request: each as often as any other, or by Zipf's law (s = 1). */
export interface Pick {
  readonly of: number;
  readonly distribution: "uniform" | "zipf";
}

export type LoadOf<Kind extends Load["kind"]> = Extract<Load, { kind: Kind }>;

export interface Open {
  readonly target: Target;
  readonly expected: Expected;
  readonly load: Load;
}

/** What a load generator saw. */
export interface Seen {
  readonly requests: number;
  readonly bodyBytes: number;
  readonly seconds: number;
  /** Median time to the first byte of a body. */
  readonly firstByteSeconds?: number;
}
