import type { Seen } from "./protocol.ts";

/** What one round of one server came to. */
export interface Measured {
  readonly seen: Seen;
  /** CPU time of the server's process, of all its threads. */
  readonly cpuSeconds: number;
  /** How much of it was the application's, where a proxy stands before it. */
  readonly applicationCpuSeconds: number | undefined;
  /** The 99th percentile of how late the server's event loop was. */
  readonly loopDelaySeconds?: number | undefined;
  /** How much the resident set had grown at most. */
  readonly rssRiseBytes: number;
  /** Descriptors that are still open when all clients are gone, beyond those before they came. */
  readonly descriptorsLeft: number | undefined;
}

/** A column of the tables. Of the first column of each, less is better. */
export interface Figure {
  readonly title: string;
  readonly digits: number;
  of(measured: Measured): number;
}

export const cpuPerRequest: Figure = {
  title: "CPU µs a request",
  digits: 1,
  of: ({ cpuSeconds, seen }) => (cpuSeconds * 1e6) / seen.requests,
};

/** For responses that take so long that microseconds would be too many digits. */
export const cpuPerResponse: Figure = {
  title: "CPU ms a response",
  digits: 1,
  of: ({ cpuSeconds, seen }) => (cpuSeconds * 1e3) / seen.requests,
};

/** A proxy has as many processes as there are cores; an application on Node has one, and this bounds its rate. */
export const applicationCpuPerRequest: Figure = {
  title: "of it the application's",
  digits: 1,
  of: ({ applicationCpuSeconds, seen }) => ((applicationCpuSeconds ?? Number.NaN) * 1e6) / seen.requests,
};

export const megabytesPerSecond: Figure = {
  title: "MB a second",
  digits: 0,
  of: ({ seen }) => seen.bodyBytes / 1e6 / seen.seconds,
};

export const requestsPerSecond: Figure = {
  title: "requests a second",
  digits: 0,
  of: ({ seen }) => seen.requests / seen.seconds,
};

export const cpuPerGigabyte: Figure = {
  title: "CPU s a GB",
  digits: 3,
  of: ({ cpuSeconds, seen }) => (cpuSeconds * 1e9) / seen.bodyBytes,
};

export const gigabytesPerSecond: Figure = {
  title: "GB a second",
  digits: 2,
  of: ({ seen }) => seen.bodyBytes / 1e9 / seen.seconds,
};

export const megabytesHeld: Figure = {
  title: "MB more memory",
  digits: 0,
  of: ({ rssRiseBytes }) => rssRiseBytes / 1e6,
};

export const descriptorsLeft: Figure = {
  title: "descriptors left open",
  digits: 0,
  of: (measured) => measured.descriptorsLeft ?? Number.NaN,
};

export const firstByte: Figure = {
  title: "ms to the first byte",
  digits: 2,
  of: ({ seen }) => (seen.firstByteSeconds ?? Number.NaN) * 1000,
};

export const latencyP99: Figure = {
  title: "ms, 99 of 100 small files",
  digits: 2,
  of: ({ seen }) => (seen.latency?.p99 ?? Number.NaN) * 1000,
};

export const latencyMedian: Figure = {
  title: "ms, half of them",
  digits: 2,
  of: ({ seen }) => (seen.latency?.median ?? Number.NaN) * 1000,
};

export const loopDelayP99: Figure = {
  title: "ms event loop delay, p99",
  digits: 1,
  of: ({ loopDelaySeconds }) => (loopDelaySeconds ?? Number.NaN) * 1000,
};
