import { StorageFile } from "../storages/storage-file.ts";
import { ask, type Reply } from "./ask.ts";
import type { Check, Finding } from "./check-result.ts";
import type { Examination } from "./examination.ts";

/** What a page needs of a download that it fetches in parts. */
const requestHeaders = ["range"] as const;
const responseHeaders = ["Content-Disposition", "Content-Length", "Content-Range", "ETag"] as const;

/** Checks whether a page of `--origin` may fetch what the application redirects to the storage. */
export const crossOriginCheck: Check<Examination> = {
  check: "storage-cross-origin",
  title: "A page of the given origin may fetch from the storage",
  examine: async (exam) => {
    const { origin } = exam;
    const url = origin === undefined ? undefined : await urlInStorage(exam);
    if (origin === undefined || url === undefined || url.origin === origin) return undefined;
    const path = `${url.pathname}${url.search}`;
    const [preflight, reply] = await Promise.all([
      ask(
        url,
        {
          method: "OPTIONS",
          path,
          headers: {
            Origin: origin,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": requestHeaders.join(","),
          },
        },
        { signal: exam.signal },
      ),
      ask(url, { path, headers: { Origin: origin, Range: "bytes=0-0" } }, { signal: exam.signal }),
    ]);
    const fault = preflightFault(origin, preflight) ?? responseFault(origin, reply);
    return fault && { side: "storage", ...fault, remedy: corsRemedy(origin, exam.storage.location?.("x") ?? "") };
  },
};

async function urlInStorage(exam: Examination): Promise<URL | undefined> {
  const file = new StorageFile(exam.storage, exam.nameOf(exam.samples.plain));
  const url = await file.signedUrl?.({ expiresIn: 60 });
  return url !== undefined && /^https?:/i.test(url) && URL.canParse(url) ? new URL(url) : undefined;
}

type Difference = Pick<Finding, "expected" | "actual">;

/** Returns what a browser would refuse in the answer to a preflight (Fetch standard, CORS-preflight fetch). */
function preflightFault(origin: string, { status, field }: Reply): Difference | undefined {
  if (status < 200 || status > 299) return { expected: "200 or 204 to the preflight", actual: String(status) };
  if (!allowsOrigin(origin, field("Access-Control-Allow-Origin")))
    return wrongOrigin(origin, field, " of the preflight");
  const allowed = listed(field("Access-Control-Allow-Headers"));
  const lacking = requestHeaders.filter((name) => !allowed.has(name) && !allowed.has("*"));
  if (lacking.length === 0) return undefined;
  return {
    expected: `Access-Control-Allow-Headers: ${requestHeaders.join(", ")}`,
    actual: `Access-Control-Allow-Headers: ${field("Access-Control-Allow-Headers") ?? "none"}`,
  };
}

/** Returns what a browser would hide from a page in the response itself. */
function responseFault(origin: string, { field }: Reply): Difference | undefined {
  if (!allowsOrigin(origin, field("Access-Control-Allow-Origin"))) return wrongOrigin(origin, field, "");
  const exposed = listed(field("Access-Control-Expose-Headers"));
  const hidden = responseHeaders.filter((name) => !exposed.has(name.toLowerCase()) && !exposed.has("*"));
  if (hidden.length === 0) return undefined;
  return {
    expected: `Access-Control-Expose-Headers: ${responseHeaders.join(", ")}`,
    actual: `Access-Control-Expose-Headers: ${field("Access-Control-Expose-Headers") ?? "none"}`,
  };
}

function allowsOrigin(origin: string, value: string | undefined): boolean {
  return value === "*" || value === origin;
}

function wrongOrigin(origin: string, field: Reply["field"], where: string): Difference {
  return {
    expected: `Access-Control-Allow-Origin: ${origin}${where}`,
    actual: `Access-Control-Allow-Origin: ${field("Access-Control-Allow-Origin") ?? "none"}`,
  };
}

function listed(value: string | undefined): ReadonlySet<string> {
  return new Set((value ?? "").split(",").map((name) => name.trim().toLowerCase()));
}

/** The rule in the form that the storage's command line reads. */
function corsRemedy(origin: string, location: string): string {
  if (location.startsWith("gs://")) {
    const rule = {
      origin: [origin],
      method: ["GET", "HEAD"],
      responseHeader: ["Range", ...responseHeaders],
      maxAgeSeconds: 600,
    };
    return `Set the bucket's CORS rules (\`gcloud storage buckets update --cors-file\`): \`${JSON.stringify([rule])}\`.`;
  }
  const rule = {
    AllowedOrigins: [origin],
    AllowedMethods: ["GET", "HEAD"],
    AllowedHeaders: ["range", "if-range"],
    ExposeHeaders: responseHeaders,
    MaxAgeSeconds: 600,
  };
  return (
    "Set the CORS rules of the storage, for S3 with `aws s3api put-bucket-cors --cors-configuration`: " +
    `\`${JSON.stringify({ CORSRules: [rule] })}\`.`
  );
}
