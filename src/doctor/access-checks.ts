import type { Question, Reply } from "./ask.ts";
import type { Finding } from "./check-result.ts";
import { offloadFieldIn, type Examination, type ExpectedTarget } from "./examination.ts";
import { ofProxy, type ProxyCheck, type ProxyExamination } from "./proxy-examination.ts";
import { publicPaths } from "./public-paths.ts";
import type { Sample } from "./samples.ts";

/** Check that a client gets nothing that the application does not grant. */
export const accessChecks: readonly ProxyCheck[] = [
  {
    check: "proxy-refused",
    title: "A download that the application refuses stays refused",
    examine: async (context) => {
      const { exam } = context;
      const reply = await exam.askProxy({ path: exam.path(exam.samples.plain, "refused") });
      if (reply.status === 403 && !includes(reply, exam.samples.plain)) return undefined;
      const actual = `${reply.status}${includes(reply, exam.samples.plain) ? " with the file" : ""}`;
      return ofProxy(context, { kind: "replaced-error" }, { expected: "403, without the file", actual });
    },
  },
  {
    check: "proxy-missing",
    title: "A file that is missing is an error",
    examine: async (context) => (await missingAtApp(context)) ?? missingAtServer(context),
  },
  {
    check: "proxy-guard",
    title: "The server does not send a file that an error names",
    examine: async (context) => {
      const { exam, expected } = context;
      if (expected === undefined) return undefined;
      const reply = await exam.askProxy({ path: exam.path(exam.samples.plain, "careless") });
      const field = offloadFieldIn(reply);
      if (!includes(reply, exam.samples.plain) && field === undefined) return undefined;
      const actual = field === undefined ? `${reply.status} with the file` : `${reply.status} with ${field}, a path`;
      return ofProxy(context, { kind: "unguarded" }, { expected: "an error, without the file or its path", actual });
    },
  },
  {
    check: "proxy-internal",
    title: "No client can download the files without the application",
    examine: async (context) => (await internalUrl(context)) ?? publicFolder(context),
  },
];

async function missingAtApp(context: ProxyExamination): Promise<Finding | undefined> {
  const { exam } = context;
  const path = `${exam.path(exam.samples.plain)}.missing`;
  const [own, theirs] = [await exam.askApp({ path }), await exam.askProxy({ path })];
  if (own.status < 400 || theirs.status >= 400) return undefined;
  return ofProxy(context, { kind: "replaced-error" }, { expected: String(own.status), actual: String(theirs.status) });
}

/** The application names a file, but the server does not have it. */
async function missingAtServer(context: ProxyExamination): Promise<Finding | undefined> {
  const { exam, expected } = context;
  if (expected === undefined) return undefined;
  const { status } = await exam.askProxy({ path: exam.path(exam.samples.plain, "missing") });
  if (status >= 400) return undefined;
  return ofProxy(
    context,
    { kind: "missing" },
    { expected: "404 for a file that the server lacks", actual: String(status) },
  );
}

async function internalUrl(context: ProxyExamination): Promise<Finding | undefined> {
  const { exam, expected } = context;
  if (expected === undefined) return undefined;
  for (const question of fromOutside(expected)) {
    if (!includes(await exam.askProxy(question), exam.samples.plain)) continue;
    const problem = { kind: "public", path: question.path, internal: true } as const;
    return ofProxy(context, problem, { expected: `an error for ${question.path}`, actual: "the file" });
  }
  return undefined;
}

/** How a client could try to reach an internal URL. */
function fromOutside({ value }: ExpectedTarget): Question[] {
  const path = value.replace(/^http:\/\/\[[^\]]*\]/, "");
  const hosts = ["downloadview", "downloadview-files"].map((Host) => ({ path, headers: { Host } }));
  return [{ path }, { path: `/${path}` }, ...hosts].filter((question) => /^[\x21-\x7e]+$/.test(question.path));
}

/** A path that leads to the storage's folder, past the application. */
async function publicFolder(context: ProxyExamination): Promise<Finding | undefined> {
  const { exam } = context;
  const paths = await candidates(exam);
  const findings = await Promise.all(paths.map((path) => publicAt(context, path)));
  return findings.find((finding) => finding !== undefined);
}

async function candidates({ storage, samples, nameOf, config }: Examination): Promise<string[]> {
  const name = nameOf(samples.plain);
  const file = storage.path?.(name);
  if (file === undefined) return [];
  const url = await storage.url?.(name);
  const urls = [url?.slice(0, -name.length), ...config.rules.map(({ sourceUrl }) => sourceUrl)];
  return publicPaths(file.slice(0, -name.length), urls.filter((one) => one?.startsWith("/") === true).map(String));
}

async function publicAt(context: ProxyExamination, path: string): Promise<Finding | undefined> {
  const { exam } = context;
  const { plain } = exam.samples;
  const name = exam.nameOf(plain);
  const url = `${path}${name}`;
  const theirs = await exam.askProxy({ path: url });
  if (!includes(theirs, plain)) return undefined;
  const own = await exam.askApp({ path: url });
  if (isOfView(own, theirs, plain)) return undefined;
  const listing = `${path}${name.slice(0, name.lastIndexOf("/") + 1)}`;
  const isListed = (await exam.askProxy({ path: listing })).body.includes(plain.name);
  const actual = `the file${isListed ? ", and a listing of its folder" : ""}`;
  const difference = { expected: `an error for ${url}`, actual };
  if (includes(own, plain)) {
    const remedy = `The application itself publishes the folder at ${path}: remove the middleware that does.`;
    return { side: "app", ...difference, remedy };
  }
  return ofProxy(context, { kind: "public", path, internal: false }, difference);
}

/**
 * Whether the application serves the file by a download view that asks for no permission. That is the application's own decision.
 * A folder that the server or a static middleware publishes lacks the view's Content-Disposition. To h2o, the application hands a
 * file over with status 307.
 */
function isOfView(own: Reply, theirs: Reply, sample: Sample): boolean {
  const disposition = own.field("Content-Disposition");
  if (disposition === undefined || theirs.field("Content-Disposition") !== disposition) return false;
  return own.status < 400 && (includes(own, sample) || offloadFieldIn(own) !== undefined);
}

function includes(reply: Reply, sample: Sample): boolean {
  return reply.body.includes(sample.content.trim());
}
