import type { Check, Finding } from "./check-result.ts";
import { messageOf, offloadFieldIn, targetIn, type Examination, type ExpectedTarget } from "./examination.ts";
import type { Reply } from "./ask.ts";
import type { Sample } from "./samples.ts";

/** Check whether the application finds the storage's files, and names them as the rules say. */
export const appChecks: readonly Check<Examination>[] = [
  {
    check: "app-reachable",
    title: "The application answers",
    examine: async (exam) => {
      try {
        await exam.askApp({ path: exam.path(exam.samples.plain) });
        return undefined;
      } catch (error) {
        if (exam.signal.aborted) throw error;
        return ofApp(`an answer from ${exam.app.origin}`, messageOf(error), "Start the application, or correct --app.");
      }
    },
  },
  {
    check: "app-finds",
    title: "The application finds the storage's files",
    examine: async (exam) => {
      const path = exam.path(exam.samples.plain);
      const { status } = await exam.askApp({ path });
      if (status < 400) return undefined;
      return ofApp(
        `200 for ${path}`,
        String(status),
        status === 404
          ? `Mount HealthcheckDownloadView there with the parameter "path". If it is there, the application uses another ` +
              `storage than ${exam.storageName} of this configuration: give both the same.`
          : "The health check needs no permission: mount it before the middleware that asks for one.",
      );
    },
  },
  {
    check: "app-target",
    title: "The application names the file that the rules say",
    examine: async (exam) => {
      const expected = await exam.expected(exam.samples.plain);
      const reply = await exam.askApp({ path: exam.path(exam.samples.plain) });
      return expected ? wrongTarget(exam, expected, reply) : noRule(exam, reply);
    },
  },
  {
    check: "app-names",
    title: "It does so for files with unusual names",
    examine: async (exam) => {
      const findings = await Promise.all(exam.samples.odd.map((sample) => wrongName(exam, sample)));
      return findings.find((finding) => finding !== undefined);
    },
  },
  {
    check: "app-refused",
    title: "The application does not offload a file that it refuses",
    examine: async (exam) => {
      const reply = await exam.askApp({ path: exam.path(exam.samples.plain, "refused") });
      const field = offloadFieldIn(reply);
      if (reply.status === 403 && field === undefined) return undefined;
      return ofApp(
        "403, without an offload field",
        `${reply.status}${field === undefined ? "" : ` with ${field}`}`,
        "A middleware of the application offloads a file with any status: it must look at response.status, and offload " +
          "a 200 only.",
      );
    },
  },
];

function wrongTarget(exam: Examination, expected: ExpectedTarget, reply: Reply): Finding | undefined {
  const { backend, value } = expected;
  const actual = targetIn(reply, expected);
  if (actual === value) return undefined;
  if (actual !== undefined) {
    return ofApp(
      `${backend.header}: ${value}`,
      `${backend.header}: ${actual}`,
      "The application runs with other rules than these: restart it, or load the same configuration in both.",
    );
  }
  const other = offloadFieldIn(reply);
  if (other !== undefined) {
    return ofApp(
      `${backend.header}, for ${backend.name}`,
      `${other}, for another server`,
      "The application runs with another backend than this configuration: give both the same.",
    );
  }
  return ofApp(
    `${backend.header}: ${value}`,
    reply.body.toString() === exam.samples.plain.content ? "the application sends the file itself" : "no such field",
    "Let the health check pass through smartDownloadMiddleware(config), as the other downloads do. With backend " +
      '"none", the application sends every file itself.',
  );
}

/** Without a server, no rule is right. With one, the rules miss the storage. */
function noRule(exam: Examination, reply: Reply): Finding | undefined {
  const field = offloadFieldIn(reply);
  if (exam.config.backend === "none") return field === undefined ? undefined : unwantedField(field);
  const path = exam.storage.path?.(exam.nameOf(exam.samples.plain));
  return ofApp(
    "a rule that captures the storage's files",
    path === undefined ? "none" : `none that captures ${path}`,
    `Write a rule for the storage ${exam.storageName}, with its folder as sourceDir or its base URL as sourceUrl.`,
  );
}

function unwantedField(field: string): Finding {
  return ofApp(
    "the file, from the application itself",
    `${field}, and an empty body`,
    'The application runs with a backend, this configuration with "none": give both the same. Without a server in front, ' +
      "clients get an empty body.",
  );
}

async function wrongName(exam: Examination, sample: Sample): Promise<Finding | undefined> {
  const expected = await exam.expected(sample);
  const reply = await exam.askApp({ path: exam.path(sample) });
  const right = expected ? targetIn(reply, expected) === expected.value : reply.body.toString() === sample.content;
  return right ? undefined : oddName(sample.name, expected, reply);
}

function oddName(name: string, expected: ExpectedTarget | undefined, reply: Reply): Finding {
  return ofApp(
    expected ? `${expected.backend.header}: ${expected.value}` : `200 for ${JSON.stringify(name)}`,
    (expected && targetIn(reply, expected)) ?? String(reply.status),
    "The path parameter must be decoded exactly once: the router, or a middleware before it, decodes it twice or not at all.",
  );
}

function ofApp(expected: string, actual: string, remedy: string): Finding {
  return { side: "app", expected, actual, remedy };
}
