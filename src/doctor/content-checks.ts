import type { Question, Reply } from "./ask.ts";
import type { Finding } from "./check-result.ts";
import type { Examination } from "./examination.ts";
import { changedFields, describeChanges } from "./fields.ts";
import { bodyAfterHead } from "./head-body.ts";
import {
  ofEither,
  ofProxy,
  received,
  receivedIn,
  type ProxyCheck,
  type ProxyExamination,
} from "./proxy-examination.ts";
import type { FieldChange, Problem } from "./remedies/problem.ts";
import type { Sample } from "./samples.ts";

/** Check the file as it arrives: its name, fields, validators, parts and bytes. */
export const contentChecks: readonly ProxyCheck[] = [
  {
    check: "proxy-names",
    title: "The server sends files with unusual names",
    examine: async (context) => {
      const { exam } = context;
      const { odd } = exam.samples;
      const replies = await Promise.all(odd.map((sample) => exam.askProxy({ path: exam.path(sample) })));
      const failed = odd.filter((sample, at) => !isWhole(replies[at]!, sample));
      const [first] = failed;
      if (first === undefined) return undefined;
      const problem = { kind: "names", arrives: await arrives(exam, first) } as const;
      const actual = failed.map((sample) => `${lastSegment(sample.name)}: ${replies[odd.indexOf(sample)]?.status}`);
      return ofProxy(context, problem, { expected: `the content of all ${odd.length}`, actual: actual.join(", ") });
    },
  },
  {
    check: "proxy-fields",
    title: "The application's header fields reach the client, each once",
    examine: async (context) => {
      const { exam } = context;
      const question: Question = { path: exam.path(exam.samples.plain) };
      const changes = changedFields(await exam.askApp(question), await exam.askProxy(question));
      if (changes.length === 0) return undefined;
      const difference = { expected: "each as the application sent it", actual: describeChanges(changes) };
      return ofEither(context, { kind: "fields", changes }, difference, await areLostAnyway(context, changes));
    },
  },
  {
    check: "proxy-validators",
    title: "ETag and Last-Modified are the application's, so that a download resumes with and without the server",
    examine: async (context) => {
      const { exam } = context;
      const path = exam.path(exam.samples.plain);
      const [own, theirs] = [await exam.askApp({ method: "HEAD", path }), await exam.askProxy({ path })];
      const names = ["ETag", "Last-Modified"].filter((name) => own.field(name) !== theirs.field(name));
      if (names.length === 0) return undefined;
      const shown = (reply: Reply): string => names.map((name) => `${name}: ${reply.field(name) ?? "none"}`).join(", ");
      const changes = names.map((name) => ({ name: name.toLowerCase(), fate: "dropped" }) as const);
      const isBetween = isWeakened(own, theirs) || (await areLostAnyway(context, changes));
      return ofEither(
        context,
        { kind: "validators", names },
        { expected: shown(own), actual: shown(theirs) },
        isBetween,
      );
    },
  },
  {
    check: "proxy-not-modified",
    title: "A client that has the file gets a 304",
    examine: async (context) => {
      const { exam } = context;
      const etag = await etagOf(exam);
      if (etag === undefined) return undefined;
      const question: Question = { path: exam.path(exam.samples.plain), headers: { "If-None-Match": etag } };
      const [own, theirs] = [await exam.askApp(question), await exam.askProxy(question)];
      if (own.status !== 304) return notModifiedByApp(own);
      if (theirs.status === 304 && theirs.body.byteLength === 0) return undefined;
      return ofEither(context, { kind: "not-modified" }, { expected: "304", actual: String(theirs.status) });
    },
  },
  {
    check: "proxy-range",
    title: "A client that asks for a part gets that part",
    examine: (context) => partOf(context, {}, { kind: "range" }),
  },
  {
    check: "proxy-if-range",
    title: "A download resumes if the file did not change, and begins again if it did",
    examine: async (context) => {
      const etag = await etagOf(context.exam);
      if (etag === undefined || etag.startsWith("W/")) return undefined;
      return (await partOf(context, { "If-Range": etag }, { kind: "if-range" })) ?? wholeIfStale(context);
    },
  },
  {
    check: "proxy-head",
    title: "HEAD is answered like GET, without the body",
    examine: async (context) => {
      const { exam } = context;
      const path = exam.path(exam.samples.plain);
      const length = String(exam.samples.plain.content.length);
      const head = await exam.askProxy({ method: "HEAD", path });
      if (head.status !== 200 || head.field("Content-Length") !== length) {
        const actual = `${head.status} with Content-Length ${head.field("Content-Length") ?? "none"}`;
        return ofEither(context, { kind: "head" }, { expected: `200 with Content-Length ${length}`, actual });
      }
      const body = await bodyAfterHead(exam.front, path, exam.route);
      if (body === 0) return undefined;
      return ofProxy(context, { kind: "head" }, { expected: "no body", actual: `a body of ${body} bytes` });
    },
  },
  {
    check: "proxy-uncompressed",
    title: "The server sends the same bytes to a client that accepts compressed ones",
    examine: async (context) => {
      const { compressible } = context.exam.samples;
      const findings = await Promise.all(compressible.map((sample) => compressedIn(context, sample)));
      return findings.find((finding) => finding !== undefined);
    },
  },
  {
    check: "proxy-fresh",
    title: "A replaced file is sent as it is now",
    // lighttpd keeps what it knows of a file for a second or two.
    alone: true,
    examine: async (context) => {
      const { exam } = context;
      const { changing, renewed } = exam.samples;
      const path = exam.path(changing);
      await exam.askProxy({ path });
      await exam.storage.save(exam.nameOf(renewed), renewed.content);
      const reply = await exam.askProxy({ path });
      if (reply.body.toString() === renewed.content) return undefined;
      const actual = reply.body.toString() === changing.content ? "the old content" : `${reply.status}`;
      return ofEither(context, { kind: "stale" }, { expected: "the new content", actual });
    },
  },
];

/** Whether the application gets the URL of a sample as the client wrote it. */
async function arrives(exam: Examination, sample: Sample): Promise<boolean> {
  const path = exam.path(sample, "request");
  return receivedIn(await exam.askProxy({ path }))?.url === path;
}

/**
 * Whether nginx cannot be the cause: it drops fields only of a file that it sends itself, and these are also missing in a
 * response that it passes on.
 */
async function areLostAnyway(
  { exam, place }: ProxyExamination,
  changes: readonly Pick<FieldChange, "name" | "fate">[],
): Promise<boolean> {
  if (place.server !== "nginx" || !place.offloads) return false;
  const path = exam.path(exam.samples.plain, "request");
  const [own, theirs] = [await exam.askApp({ path }), await exam.askProxy({ path })];
  if (receivedIn(theirs) === undefined) return false;
  const comparable = changes.filter(({ name }) => own.field(name) !== undefined);
  return comparable.length > 0 && comparable.every(({ name }) => theirs.field(name) === undefined);
}

/** A CDN weakens the ETag of what it may compress later. A server weakens it only if it compresses now. */
function isWeakened(own: Reply, theirs: Reply): boolean {
  return theirs.field("ETag") === `W/${own.field("ETag")}` && theirs.field("Content-Encoding") === undefined;
}

function notModifiedByApp(own: Reply): Finding {
  return {
    side: "app",
    expected: "304",
    actual: String(own.status),
    remedy: "A middleware of the application removes If-None-Match, or changes the ETag after the download: remove it.",
  };
}

async function partOf(
  context: ProxyExamination,
  headers: Record<string, string>,
  problem: Problem,
): Promise<Finding | undefined> {
  const { exam, place } = context;
  const { content } = exam.samples.plain;
  const question: Question = { path: exam.path(exam.samples.plain), headers: { ...headers, Range: "bytes=2-5" } };
  const reply = await exam.askProxy(question);
  const contentRange = `bytes 2-5/${content.length}`;
  const right = reply.field("Content-Range") === contentRange && reply.body.toString() === content.slice(2, 6);
  if (reply.status === 206 && right) return undefined;
  // An application that sends no parts itself has none to pass on.
  if (!place.offloads && (await exam.askApp(question)).status !== 206) return undefined;
  const difference = {
    expected: `206 with Content-Range ${contentRange}`,
    actual: `${reply.status} with ${reply.body.byteLength} bytes`,
  };
  // nginx looks at the client's own Range: no line of its configuration takes it from both nginx and the application.
  const isHidden =
    place.server === "nginx" && place.offloads && (await received(context, question.headers))?.range === null;
  return ofEither(context, problem, difference, isHidden);
}

async function wholeIfStale(context: ProxyExamination): Promise<Finding | undefined> {
  const { exam } = context;
  const headers = { Range: "bytes=2-5", "If-Range": '"of-an-older-version"' };
  const reply = await exam.askProxy({ path: exam.path(exam.samples.plain), headers });
  if (isWhole(reply, exam.samples.plain)) return undefined;
  const actual = `${reply.status} with ${reply.body.byteLength} bytes`;
  return ofEither(context, { kind: "if-range" }, { expected: "200 with the whole file, for another ETag", actual });
}

async function compressedIn(context: ProxyExamination, sample: Sample): Promise<Finding | undefined> {
  const { exam } = context;
  const question: Question = { path: exam.path(sample), headers: { "Accept-Encoding": "gzip, br, zstd, deflate" } };
  const theirs = await exam.askProxy(question);
  const coding = theirs.field("Content-Encoding");
  if (coding === undefined && isWhole(theirs, sample)) return undefined;
  if (coding !== undefined && coding === (await exam.askApp(question)).field("Content-Encoding")) return undefined;
  return ofEither(
    context,
    { kind: "compressed" },
    {
      expected: `the bytes of ${lastSegment(sample.name)}: a compressed download has no length and cannot resume`,
      actual: `${theirs.status}, Content-Encoding: ${coding ?? "none"}, ETag: ${theirs.field("ETag") ?? "none"}`,
    },
  );
}

async function etagOf(exam: Examination): Promise<string | undefined> {
  return (await exam.askApp({ method: "HEAD", path: exam.path(exam.samples.plain) })).field("ETag");
}

function isWhole(reply: Reply, sample: Sample): boolean {
  return reply.status === 200 && reply.body.toString() === sample.content;
}

function lastSegment(name: string): string {
  return JSON.stringify(name.split("/").pop());
}
