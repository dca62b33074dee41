import type { Question } from "./ask.ts";
import type { Check, Finding } from "./check-result.ts";
import type { Examination } from "./examination.ts";

/** A file that a server sends only after it has asked the application, as `authorizeDownloads` answers. */
export interface GuardedFile {
  /** Its path as clients ask for it, such as `/files/private.pdf`. */
  readonly path: string;
  /** The header fields that open it, such as `{ Cookie: "session=…" }`. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** Checks whether a guarded file can be had without its credentials, by any spelling of its URL or a forged field. */
export const guardedCheck: Check<Examination> = {
  check: "proxy-guarded",
  title: "A guarded file is not sent without credentials, however its URL is written",
  examine: async (exam) => {
    const { guarded } = exam;
    if (guarded === undefined) return undefined;
    const { path, credentials } = guarded;
    const opened = await exam.askProxy({ path, headers: credentials });
    if (opened.status !== 200 || opened.body.byteLength === 0) {
      return {
        side: "proxy",
        expected: `200 and the file for ${path} with the credentials`,
        actual: `${opened.status}, ${opened.body.byteLength} bytes`,
        remedy: "Give the path of a file that these credentials open, and that has content.",
      };
    }
    const isFile = async (question: Question): Promise<boolean> => {
      const { status, body } = await exam.askProxy(question);
      return status === 206 || (status < 400 && body.equals(opened.body));
    };
    for (const question of detours(path)) {
      if (await isFile(question)) return around(question);
    }
    return undefined;
  },
};

function around({ path, headers = {} }: Question): Finding {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return {
    side: "proxy",
    expected: "401, 403 or 404 without credentials",
    actual: `the file, for ${[`GET ${path}`, ...fields].join(" with ")}`,
    remedy:
      "Let each location that leads to the files ask the application: use the locations that " +
      "`downloadview config SERVER --auth-request --locations` prints. Error pages and rewrites must not lead to them.",
  };
}

/** Requests that a server may take for the file, and the application for something else. */
export function detours(path: string): readonly Question[] {
  const slash = path.lastIndexOf("/");
  const folder = path.slice(0, slash);
  const name = path.slice(slash + 1);
  const first = encodeFirst(name);
  const paths = [
    path,
    `/${path}`,
    `${folder}//${name}`,
    `/.${path}`,
    `${folder}/./${name}`,
    `${folder}/x/../${name}`,
    `${folder}/x/..%2f${name}`,
    `${folder}/%2e/${name}`,
    `${folder}/x/%2e%2e/${name}`,
    `${folder}%2f${name}`,
    `${folder}%252f${name}`,
    `${folder}%5c${name}`,
    `${folder}/${first}`,
    `/${encodeFirst(path.slice(1))}`,
    path.toUpperCase(),
    `${path}/`,
    `${path}/.`,
    `${path};x`,
    `${path}%00`,
    `${path}%20`,
    `${path}.`,
    `${path}?x`,
    `${path}%3fx`,
    `${path}%23x`,
  ];
  const forged = ["X-Original-URI", "X-Original-URL", "X-Forwarded-Uri", "X-Rewrite-URL", "X-Accel-Redirect"];
  return [
    ...[...new Set(paths)].map((one) => ({ path: one })),
    { path, headers: { Range: "bytes=0-0" } },
    { path, headers: { "X-Original-Method": "OPTIONS", "X-Forwarded-Method": "OPTIONS" } },
    { path, headers: { "X-Download-Status": "204", "X-Download-Path": path } },
    ...forged.map((field) => ({ path, headers: { [field]: "/" } })),
    ...forged.map((field) => ({ path: "/", headers: { [field]: path } })),
  ];
}

function encodeFirst(text: string): string {
  const [letter] = text;
  if (letter === undefined || !/[A-Za-z0-9]/.test(letter)) return text;
  return `%${letter.charCodeAt(0).toString(16)}${text.slice(1)}`;
}
