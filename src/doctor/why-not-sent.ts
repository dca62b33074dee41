import type { Finding } from "./check-result.ts";
import type { Reply } from "./ask.ts";
import { offloadFieldIn, type Examination, type ExpectedTarget } from "./examination.ts";
import { remediesFor } from "./remedies.ts";

/** Why a client does not get the file, although the application names it. Undefined if it does. */
export async function whyNotSent(exam: Examination, expected: ExpectedTarget): Promise<Finding | undefined> {
  const reply = await exam.askProxy({ path: exam.path(exam.samples.plain) });
  const field = offloadFieldIn(reply);
  const whole = reply.status === 200 && reply.body.toString() === exam.samples.plain.content;
  if (whole && field === undefined) return undefined;
  const remedies = remediesFor(expected.backend);
  if (field !== undefined)
    return ofProxy(`${reply.status} with ${field}, which is for the server alone`, remedies.enable);
  if (reply.status === 404) return ofProxy("404", await whyNotFound(exam, expected, reply));
  if (reply.status === 403) return ofProxy("403", remedies.read);
  if (reply.status === 401)
    return ofProxy("401", "The health check needs no permission: let the server ask for none there.");
  if (reply.status >= 502 && reply.status <= 504) {
    return ofProxy(
      String(reply.status),
      `The server does not reach the application: is it at ${exam.app.origin} for it, too?`,
    );
  }
  const location = reply.field("Location");
  if (location !== undefined)
    return ofProxy(`${reply.status} to ${location}`, "Give the address that it leads to as --proxy.");
  if (reply.status !== 200) return ofProxy(String(reply.status), "Look into the server's error log.");
  if (reply.body.byteLength === 0) return ofProxy("200 with an empty body", remedies.enable);
  return ofProxy(
    "200 with another content",
    `${exam.proxy?.origin} leads to another application, or ${expected.backend.name} finds another file under that name.`,
  );
}

async function whyNotFound(exam: Examination, expected: ExpectedTarget, reply: Reply): Promise<string> {
  const { locate, find } = remediesFor(expected.backend);
  const { sourceUrl, sourceDir, destinationUrl } = expected.rule;
  const isRemote = sourceDir === undefined && sourceUrl !== undefined && /^https?:/i.test(sourceUrl);
  if (expected.backend.target !== "url") return find;
  if (await isFromApp(exam, expected, reply)) return locate;
  if (isRemote) {
    return (
      `The store at ${sourceUrl} answers 404 to nginx: compare the \`proxy_pass\` in \`location ^~ ${destinationUrl}\` ` +
      "with sourceUrl, and see that the object exists there and may be read without a signature."
    );
  }
  return (await isFoundBySecondSlash(exam)) ? slashIsMissing(expected) : find;
}

/** The server has nothing under the URL, so it asked the application for it like for any other. */
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

function slashIsMissing({ rule }: ExpectedTarget): string {
  const folder = (rule.destinationDir ?? rule.sourceDir ?? "/srv/media").replace(/\/*$/, "/");
  return (
    `The \`alias\` in \`location ^~ ${rule.destinationUrl}\` lacks the slash at its end, so nginx appends the name to ` +
    `the folder's own: write \`alias ${folder};\`.`
  );
}

function ofProxy(actual: string, remedy: string): Finding {
  return { side: "proxy", expected: "200 with the file", actual, remedy };
}
