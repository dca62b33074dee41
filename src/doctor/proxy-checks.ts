import type { Check, Finding } from "./check-result.ts";
import type { Question, Reply } from "./ask.ts";
import { messageOf, offloadFieldIn, type Examination, type ExpectedTarget } from "./examination.ts";
import { missingFields } from "./fields.ts";
import { bodyAfterHead } from "./head-body.ts";
import { remediesFor } from "./remedies.ts";
import type { Sample } from "./samples.ts";
import { whyNotSent } from "./why-not-sent.ts";

/** A server in front of the application, and what the application must send it. */
export interface ProxyExamination {
  readonly exam: Examination;
  readonly expected: ExpectedTarget;
}

type ProxyCheck = Check<ProxyExamination>;

/** Whether a client gets the file at all. The other checks are of no use until it does. */
export const sendingChecks: readonly ProxyCheck[] = [
  {
    check: "proxy-reachable",
    title: "The server answers",
    examine: async ({ exam }) => {
      try {
        await exam.askProxy({ path: exam.path(exam.samples.plain) });
        return undefined;
      } catch (error) {
        if (exam.signal.aborted) throw error;
        return ofProxy(`an answer from ${exam.proxy?.origin}`, messageOf(error), "Start it, or correct --proxy.");
      }
    },
  },
  {
    check: "proxy-sends",
    title: "The server sends the file that the application names",
    examine: ({ exam, expected }) => whyNotSent(exam, expected),
  },
];

/** What may be wrong while the file is sent all the same. */
export const proxyChecks: readonly ProxyCheck[] = [
  {
    check: "proxy-names",
    title: "It does so whatever the file is called",
    examine: async ({ exam }) => {
      const failed: string[] = [];
      for (const sample of exam.samples.odd) {
        const reply = await exam.askProxy({ path: exam.path(sample) });
        if (!isWhole(reply, sample)) failed.push(`${lastSegment(sample.name)}: ${reply.status}`);
      }
      if (failed.length === 0) return undefined;
      return ofProxy(
        `the content of all ${exam.samples.odd.length}`,
        failed.join(", "),
        "Either the URL of the request is changed on its way to the application (nginx: write proxy_pass without a path; " +
          "Apache: `nocanon` and `AllowEncodedSlashes NoDecode`), or the server decodes the name of the target otherwise " +
          "than its backend here writes it (Apache: `XSendFileUnescape` and apache({ unescape }) must agree).",
      );
    },
  },
  {
    check: "proxy-fields",
    title: "The application's header fields reach the client, each once",
    examine: async ({ exam, expected }) => {
      const path = exam.path(exam.samples.plain);
      const missing = missingFields(await exam.askApp({ path }), await exam.askProxy({ path }));
      if (missing.length === 0) return undefined;
      return ofProxy("each as the application sent it", missing.join("; "), remediesFor(expected.backend).restore);
    },
  },
  {
    check: "proxy-validators",
    title: "ETag and Last-Modified are the application's, so that a download resumes with or without the server",
    examine: async ({ exam, expected }) => {
      const path = exam.path(exam.samples.plain);
      const [own, theirs] = [await exam.askApp({ method: "HEAD", path }), await exam.askProxy({ path })];
      const differing = ["ETag", "Last-Modified"].filter((name) => own.field(name) !== theirs.field(name));
      if (differing.length === 0) return undefined;
      const shown = (reply: Reply): string =>
        differing.map((name) => `${name}: ${reply.field(name) ?? "none"}`).join(", ");
      return ofProxy(shown(own), shown(theirs), remediesFor(expected.backend).restore);
    },
  },
  {
    check: "proxy-not-modified",
    title: "A file that did not change is answered with 304",
    examine: async ({ exam }) => {
      const etag = await etagOf(exam);
      if (etag === undefined) return undefined;
      const question: Question = { path: exam.path(exam.samples.plain), headers: { "If-None-Match": etag } };
      const [own, theirs] = [await exam.askApp(question), await exam.askProxy(question)];
      if (own.status !== 304) {
        const remedy = "Something in the application takes If-None-Match away, or changes the ETag after the download.";
        return { side: "app", expected: "304", actual: String(own.status), remedy };
      }
      if (theirs.status === 304 && theirs.body.byteLength === 0) return undefined;
      return ofProxy("304", String(theirs.status), "Pass If-None-Match on to the application.");
    },
  },
  {
    check: "proxy-range",
    title: "A part of the file is sent where a part is asked for",
    examine: ({ exam }) =>
      partOf(exam, {}, "Let Range through to what sends the file, and change nothing in its body "),
  },
  {
    check: "proxy-if-range",
    title: "A download resumes that says which version it began with",
    examine: async ({ exam }) => {
      const etag = await etagOf(exam);
      if (etag === undefined) return undefined;
      return partOf(exam, { "If-Range": etag }, "Let If-Range through, and send the application's ETag ");
    },
  },
  {
    check: "proxy-head",
    title: "HEAD is answered as GET is, without the body",
    examine: async ({ exam }) => {
      const path = exam.path(exam.samples.plain);
      const length = String(exam.samples.plain.content.length);
      const head = await exam.askProxy({ method: "HEAD", path });
      if (head.status !== 200 || head.field("Content-Length") !== length) {
        const actual = `${head.status} with Content-Length ${head.field("Content-Length") ?? "none"}`;
        return ofProxy(`200 with Content-Length ${length}`, actual, "Pass HEAD on to the application as HEAD.");
      }
      const body = await bodyAfterHead(exam.proxy ?? exam.app, path, exam.route);
      if (body === 0) return undefined;
      return ofProxy("no body", `${body} bytes of one`, "Do not turn HEAD into GET (Caddy: take away `method * GET`).");
    },
  },
  {
    check: "proxy-uncompressed",
    title: "The server sends the very bytes, also to a client that takes compressed ones",
    examine: async ({ exam, expected }) => {
      for (const sample of exam.samples.compressible) {
        const question: Question = { path: exam.path(sample), headers: { "Accept-Encoding": "gzip, br, deflate" } };
        const [own, theirs] = [await exam.askApp(question), await exam.askProxy(question)];
        const coding = theirs.field("Content-Encoding");
        if (coding === own.field("Content-Encoding")) continue;
        return ofProxy(
          `no Content-Encoding of the server's own for ${lastSegment(sample.name)}`,
          `Content-Encoding: ${coding ?? "none"}, ETag: ${theirs.field("ETag") ?? "none"}`,
          `A compressed download loses its length and cannot be resumed: ${remediesFor(expected.backend).verbatim}`,
        );
      }
      return undefined;
    },
  },
  {
    check: "proxy-fresh",
    title: "A file that was replaced is sent as it is now",
    examine: async ({ exam }) => {
      const { changing, renewed } = exam.samples;
      const path = exam.path(changing);
      await exam.askProxy({ path });
      await exam.storage.save(exam.nameOf(renewed), renewed.content);
      const reply = await exam.askProxy({ path });
      if (reply.body.toString() === renewed.content) return undefined;
      const actual = reply.body.toString() === changing.content ? "the old content" : `${reply.status}`;
      return ofProxy(
        "the new content",
        actual,
        "Something keeps the old file: nginx's `open_file_cache` or `proxy_cache`, lighttpd's `server.stat-cache-engine` " +
          '(write "disable"), or a CDN that does not heed Cache-Control.',
      );
    },
  },
  {
    check: "proxy-refused",
    title: "What the application refuses stays refused",
    examine: async ({ exam }) => {
      const reply = await exam.askProxy({ path: exam.path(exam.samples.plain, "refused") });
      if (reply.status === 403 && !includes(reply, exam.samples.plain)) return undefined;
      const actual = `${reply.status}${includes(reply, exam.samples.plain) ? " with the file" : ""}`;
      return ofProxy(
        "403, without the file",
        actual,
        "Take away what replaces errors (`error_page`, `proxy_intercept_errors`).",
      );
    },
  },
  {
    check: "proxy-guard",
    title: "The server does not send a file that an error names",
    examine: async ({ exam, expected }) => {
      const reply = await exam.askProxy({ path: exam.path(exam.samples.plain, "careless") });
      const field = offloadFieldIn(reply);
      if (!includes(reply, exam.samples.plain) && field === undefined) return undefined;
      const actual = field === undefined ? `${reply.status} with the file` : `${reply.status} with ${field}, a path`;
      return ofProxy("an error, without the file or its path", actual, remediesFor(expected.backend).guard);
    },
  },
  {
    check: "proxy-internal",
    title: "No client can ask for the files themselves",
    examine: async ({ exam, expected }) => {
      for (const question of fromOutside(expected)) {
        if (!includes(await exam.askProxy(question), exam.samples.plain)) continue;
        return ofProxy(`an error for ${question.path}`, "the file", remediesFor(expected.backend).hide);
      }
      return undefined;
    },
  },
];

async function partOf(
  exam: Examination,
  headers: Record<string, string>,
  advice: string,
): Promise<Finding | undefined> {
  const { content } = exam.samples.plain;
  const path = exam.path(exam.samples.plain);
  const reply = await exam.askProxy({ path, headers: { ...headers, Range: "bytes=2-5" } });
  const contentRange = `bytes 2-5/${content.length}`;
  const right = reply.field("Content-Range") === contentRange && reply.body.toString() === content.slice(2, 6);
  if (reply.status === 206 && right) return undefined;
  return ofProxy(
    `206 with Content-Range ${contentRange}`,
    `${reply.status} with ${reply.body.byteLength} bytes`,
    `${advice}(nginx: \`max_ranges\`, \`sub_filter\`, \`gzip\`, \`proxy_set_header Range\`; a CDN in front may have its own).`,
  );
}

async function etagOf(exam: Examination): Promise<string | undefined> {
  return (await exam.askApp({ method: "HEAD", path: exam.path(exam.samples.plain) })).field("ETag");
}

/** How a client could try to get at what is meant for the server alone. */
function fromOutside({ value }: ExpectedTarget): Question[] {
  const path = value.replace(/^http:\/\/\[[^\]]*\]/, "");
  const hosts = ["downloadview", "downloadview-files"].map((Host) => ({ path, headers: { Host } }));
  return [{ path }, { path: `/${path}` }, ...hosts].filter((question) => /^[\x21-\x7e]+$/.test(question.path));
}

function isWhole(reply: Reply, sample: Sample): boolean {
  return reply.status === 200 && reply.body.toString() === sample.content;
}

function includes(reply: Reply, sample: Sample): boolean {
  return reply.body.includes(sample.content.trim());
}

function lastSegment(name: string): string {
  return JSON.stringify(name.split("/").pop());
}

function ofProxy(expected: string, actual: string, remedy: string): Finding {
  return { side: "proxy", expected, actual, remedy };
}
