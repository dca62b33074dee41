import type { Finding } from "./check-result.ts";
import type { Examination } from "./examination.ts";
import { streamPauses } from "./probes.ts";
import { ofProxy, type ProxyCheck, type ProxyExamination } from "./proxy-examination.ts";
import { readBrokenStream, readSlowly, wasKeptWaiting, wasTakenEarly, type StreamArrival } from "./stream-probes.ts";

/** The longest time for the large body, in milliseconds. A slower line says nothing. */
const maxLargeTime = 10_000;

/** Check how the server passes on what the application generates. */
export const streamChecks: readonly ProxyCheck[] = [
  {
    check: "proxy-streams",
    title: "A generated file reaches the client while the application generates it",
    examine: async (context) => {
      if (isStreamed(await arrivalOf(context), "short")) return undefined;
      // A busy machine delays a first byte as well: the second try takes longer.
      const { exam } = context;
      const path = `${exam.path(exam.samples.plain, "stream")}&long`;
      const again = await readBrokenStream(exam.front, path, exam.route);
      if (isStreamed(again, "long")) return undefined;
      const own = await readBrokenStream(exam.app, path, exam.appRoute);
      const difference = { expected: "the first bytes at once", actual: "the first bytes with the last" };
      return isStreamed(own, "long") ? ofProxy(context, { kind: "buffered" }, difference) : bufferedByApp(difference);
    },
  },
  {
    check: "proxy-broken-streams",
    title: "A generated file that breaks off is a failed download",
    examine: async (context) => {
      const { status, complete } = await arrivalOf(context);
      if (status !== 200 || !complete) return undefined;
      const difference = { expected: "a closed connection", actual: "a response that looks complete" };
      return ofProxy(context, { kind: "truncated" }, difference);
    },
  },
  {
    check: "proxy-slow-clients",
    title: "The server does not store what a slow client has not read yet",
    examine: async (context) => {
      const { exam, bystander } = context;
      // A CDN stores responses by its nature, on disks that are not the server's.
      if (!exam.hasProxy || bystander !== undefined) return undefined;
      if (!(await isSpooled(exam))) return undefined;
      const difference = {
        expected: "an application that waits while the client reads nothing",
        actual: "the server took more than 40 MiB while the client read nothing",
      };
      return ofProxy(context, { kind: "spooled" }, difference);
    },
  },
];

/** A busy machine, or large buffers of sockets, can look the same for a short time. Two long looks decide. */
async function isSpooled(exam: Examination): Promise<boolean> {
  const path = exam.path(exam.samples.plain, "large");
  const { short, long } = streamPauses;
  const first = await readSlowly(exam.front, path, exam.route, { pause: short, maxTime: maxLargeTime });
  if (first.length === 0 || wasKeptWaiting(first, short)) return false;
  for (const query of [`${path}&long`, `${path}&long`]) {
    const stamps = await readSlowly(exam.front, query, exam.route, { pause: long, maxTime: maxLargeTime });
    if (wasKeptWaiting(stamps, long) || !wasTakenEarly(stamps, long)) return false;
  }
  return true;
}

function arrivalOf({ exam, stream }: ProxyExamination): Promise<StreamArrival> {
  stream.arrival ??= readBrokenStream(exam.front, exam.path(exam.samples.plain, "stream"), exam.route);
  return stream.arrival;
}

function isStreamed({ spread }: StreamArrival, pause: keyof typeof streamPauses): boolean {
  return spread >= streamPauses[pause] / 2;
}

function bufferedByApp(difference: Pick<Finding, "expected" | "actual">): Finding {
  return {
    side: "app",
    ...difference,
    remedy:
      "A middleware of the application collects the response, for example to compress it: leave downloads out of it.",
  };
}
