import type { Reply } from "./ask.ts";
import { serverNamed } from "./bystander.ts";
import type { Finding } from "./check-result.ts";
import { offloadFieldIn, type Examination, type ExpectedTarget } from "./examination.ts";
import { known, ofProxy, placeOf, receivedIn } from "./proxy-examination.ts";
import { commandsToRead } from "./readable.ts";
import type { Problem } from "./remedies/problem.ts";
import { isRemote, storeFinding } from "./store-answer.ts";

const wanted = "200 with the file";

/** Returns why a client does not get the file. Undefined if it does. `expected` is undefined without offload. */
export async function whyNotSent(
  exam: Examination,
  expected: ExpectedTarget | undefined,
): Promise<Finding | undefined> {
  const reply = await exam.askProxy({ path: exam.path(exam.samples.plain) });
  const field = offloadFieldIn(reply);
  const whole = reply.status === 200 && reply.body.toString() === exam.samples.plain.content;
  if (whole && field === undefined) return undefined;
  const location = reply.field("Location");
  if (field === undefined && (await isLocked(exam, reply.status))) {
    const problem = { kind: "locked", path: exam.url } as const;
    return byProblem(exam, expected, reply, problem, `${reply.status}, without a request to the application`);
  }
  if (reply.status >= 300 && reply.status < 400 && location !== undefined)
    return plainly(`${reply.status} to ${location}`, "Give the address that it leads to as --proxy.");
  if (expected !== undefined && field === undefined && isRemote(expected) && reply.status !== 200) {
    return (await isFromApp(exam, expected, reply))
      ? byProblem(exam, expected, reply, { kind: "no-location" }, "404 of the application")
      : storeFinding(exam, expected, reply.status);
  }
  const cause = await problemOf(exam, expected, reply);
  return cause ? byProblem(exam, expected, reply, cause.problem, cause.actual) : otherContent(exam, reply);
}

/** Whether the server refuses the URL of the health check, rather than the file. */
async function isLocked(exam: Examination, status: number): Promise<boolean> {
  if (status !== 401 && status !== 403 && status !== 407) return false;
  const reply = await exam.askProxy({ path: exam.path(exam.samples.plain, "request") });
  return reply.status === status && receivedIn(reply) === undefined;
}

interface Cause {
  readonly problem: Problem;
  readonly actual: string;
}

async function problemOf(
  exam: Examination,
  expected: ExpectedTarget | undefined,
  reply: Reply,
): Promise<Cause | undefined> {
  const { status } = reply;
  const field = offloadFieldIn(reply);
  if (field !== undefined)
    return { problem: { kind: "not-enabled" }, actual: `${status} with ${field}, which is for the server alone` };
  if (status >= 502 && status <= 504) return { problem: { kind: "no-application" }, actual: String(status) };
  if (expected === undefined) return undefined;
  if (status === 200 && reply.body.byteLength === 0)
    return { problem: { kind: "not-enabled" }, actual: "200 with an empty body" };
  return status === 403 || status === 404 ? whyMissing(exam, expected, reply) : undefined;
}

async function whyMissing(exam: Examination, expected: ExpectedTarget, reply: Reply): Promise<Cause> {
  const actual = String(reply.status);
  const commands = await commandsToRead(exam.storage.path?.(exam.nameOf(exam.samples.plain)));
  if (commands.length > 0)
    return { problem: { kind: "denied", commands }, actual: `${actual}: it may not read the file` };
  if (reply.status === 403) return { problem: { kind: "denied", commands }, actual };
  if (await isFromApp(exam, expected, reply))
    return { problem: { kind: "no-location" }, actual: "404 of the application" };
  if (expected.backend.target === "url" && (await isFoundBySecondSlash(exam)))
    return { problem: { kind: "wrong-folder" }, actual: "404, because `alias` lacks the slash at its end" };
  return { problem: { kind: "wrong-folder" }, actual };
}

/** Whether the server asked the application for the internal URL, like for any other URL. */
async function isFromApp(exam: Examination, { value }: ExpectedTarget, reply: Reply): Promise<boolean> {
  if (!value.startsWith("/")) return false;
  const own = await exam.askApp({ path: value });
  return own.status === reply.status && own.body.equals(reply.body);
}

async function isFoundBySecondSlash(exam: Examination): Promise<boolean> {
  const { plain } = exam.samples;
  const reply = await exam.askProxy({ path: exam.path(plain, "slash") });
  return reply.body.toString() === plain.content;
}

async function byProblem(
  exam: Examination,
  expected: ExpectedTarget | undefined,
  reply: Reply,
  problem: Problem,
  actual: string,
): Promise<Finding> {
  const server = expected ? known(expected.backend.name) : serverNamed(reply);
  return ofProxy({ place: placeOf(exam, expected, server) }, problem, { expected: wanted, actual });
}

function otherContent(exam: Examination, reply: Reply): Finding {
  const { status, body } = reply;
  if (status !== 200) return plainly(String(status), "Look into the server's error log.");
  const actual = body.byteLength === 0 ? "200 with an empty body" : "200 with another content";
  return plainly(
    actual,
    `Let ${exam.front.origin} lead to the application at ${exam.app.origin}, with the same rules.`,
  );
}

function plainly(actual: string, remedy: string): Finding {
  return { side: "proxy", expected: wanted, actual, remedy };
}
