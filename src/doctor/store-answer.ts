import { ask, type Reply } from "./ask.ts";
import type { Finding } from "./check-result.ts";
import { messageOf, type Examination, type ExpectedTarget } from "./examination.ts";

/** Whether the server fetches the file from a remote storage. */
export function isRemote({ rule }: ExpectedTarget): boolean {
  return /^https?:/i.test(rule.sourceUrl ?? "") && (isPresigned({ rule }) || rule.sourceDir === undefined);
}

function isPresigned({ rule }: Pick<ExpectedTarget, "rule">): boolean {
  return rule.presigned !== undefined && rule.presigned !== false;
}

/** Asks the remote storage for the file as the server does, and says what is wrong there, or at the server. */
export async function storeFinding(exam: Examination, expected: ExpectedTarget, proxyStatus: number): Promise<Finding> {
  const url = await urlAtStore(exam, expected);
  const shown = url && `${url.origin}${url.pathname}`;
  const answer = url && (await answerOf(exam, url));
  const difference = {
    expected: "200 with the file",
    actual: `${proxyStatus} (${answer ?? "no URL"} at ${shown ?? "the storage"})`,
  };
  if (answer === "200" && url) return { side: "proxy", ...difference, remedy: nginxRemedy(expected, url) };
  return { side: "storage", ...difference, remedy: storeRemedy(expected, answer, shown ?? "its URL") };
}

async function urlAtStore(exam: Examination, expected: ExpectedTarget): Promise<URL | undefined> {
  const { rule, value } = expected;
  const reply = await exam.askApp({ path: exam.path(exam.samples.plain) });
  const below = value.slice((rule.destinationUrl ?? "").replace(/\/*$/, "/").length);
  const text = isPresigned(expected)
    ? reply.field("X-Remote-Url")
    : `${(rule.sourceUrl ?? "").replace(/\/*$/, "/")}${below}`;
  return text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
}

async function answerOf({ signal }: Examination, url: URL): Promise<string> {
  return ask(url, { path: `${url.pathname}${url.search}` }, { signal }).then(
    ({ status }: Reply) => String(status),
    (error: unknown) => messageOf(error),
  );
}

function storeRemedy(expected: ExpectedTarget, answer: string | undefined, url: string): string {
  if (answer === "401" || answer === "403") {
    return isPresigned(expected)
      ? `The storage answers ${answer} to the URL that it signed for nginx: compare its clock, its keys and its host name with ` +
          "those of the application."
      : `The storage answers ${answer} to ${url}: nginx asks without credentials. Write \`presigned: true\` into the rule, ` +
          "or let nginx's address read the bucket.";
  }
  if (answer === "404" || answer === "410") {
    return `The storage has no object at ${url}: write the URL of the bucket as \`sourceUrl\` of the rule.`;
  }
  if (answer !== undefined && /^5\d\d$/.test(answer))
    return `The storage answers ${answer} to ${url}: look into its log.`;
  return `The storage does not serve ${url} (${answer ?? "no URL"}): correct \`sourceUrl\` of the rule, or start the storage.`;
}

function nginxRemedy({ rule }: ExpectedTarget, { host, protocol }: URL): string {
  const pass = isPresigned({ rule })
    ? `${protocol}//${host}$downloadview_path`
    : (rule.sourceUrl ?? "").replace(/\/*$/, "/");
  return (
    `nginx: In the location of the files (\`location ^~ ${(rule.destinationUrl ?? "").replace(/\/*$/, "/")}\`), remove ` +
    `\`proxy_pass …;\` and \`proxy_set_header Host …;\`, and write \`proxy_pass ${pass};\` and \`proxy_set_header Host ${host};\`.`
  );
}
