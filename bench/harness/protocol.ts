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

/** What a server process holds. */
export interface Memory {
  readonly heapBytes: number;
  /** Of buffers and of other memory beside the heap. */
  readonly externalBytes: number;
  readonly rssBytes: number;
  /** Sockets, timers and whatever else keeps the process alive. */
  readonly handles: number;
  readonly descriptors?: number;
}

/** HTTP/1.1 without and with TLS, and HTTP/2 with it. */
export type Protocol = "http" | "https" | "http2";

/** The request of a workload, ready to be sent. */
export interface Target {
  readonly port: number;
  readonly protocol: Protocol;
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
      /** Beside them, so many other clients have sent the same request, for all bytes from 64 KiB on, and do not read. */
      readonly inFlight?: number;
    }
  /** Each connection reads downloads that are too long to be waited for. */
  | { readonly kind: "cut-downloads"; readonly connections: number; readonly seconds: number }
  /** Each connection reads a little now and then, and at last nothing any more. */
  | { readonly kind: "stalled"; readonly connections: number; readonly seconds: number }
  /** Each download is given up at its first bytes. */
  | { readonly kind: "aborts"; readonly downloads: number; readonly concurrency: number }
  /** Requests for a small file at a steady rate, each timed. */
  | {
      readonly kind: "paced";
      readonly connections: number;
      readonly perSecond: number;
      readonly seconds: number;
    }
  /** The same beside downloads that are too long to be waited for. */
  | {
      readonly kind: "beside";
      readonly connections: number;
      readonly seconds: number;
      readonly small: { readonly path: string; readonly bodyBytes: number; readonly load: LoadOf<"paced"> };
    }
  /** One request after the other. */
  | { readonly kind: "first-byte"; readonly requests: number };

/** One file out of many for each request: each as often as any other, or by Zipf's law (s = 1). */
export interface Pick {
  readonly of: number;
  /** `"each"`: one after the other, and as long as it takes for all of them. */
  readonly distribution: "uniform" | "zipf" | "each";
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
  /** How long requests took, in seconds: half of them no longer, and 99 of 100. */
  readonly latency?: { readonly median: number; readonly p99: number };
}
