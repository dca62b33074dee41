import { DownloadError } from "downloadview";
import type { Request, RequestHandler } from "express";
import type { Library } from "./library.ts";
import { userOf, withCookies } from "./visitors.ts";

/** Keeps the body of a request as it comes: `curl --data-binary @plan.pdf 'http://localhost:3000/documents?name=plan.pdf'`. */
export function uploadDocument(library: Library, mostBytes: number): RequestHandler {
  return async (request, response) => {
    const name = nameOf(request.query.name);
    if (Number(request.get("Content-Length")) > mostBytes) throw tooLarge();
    const owner = userOf(withCookies(request.headers));
    const { slug, filename } = await library.add(name, limited(bodyOf(request), mostBytes), { owner });
    response.status(201).location(`/documents/${slug}`).json({ slug, filename });
  };
}

export function deleteDocument(library: Library): RequestHandler {
  return async (request, response, next) => {
    if (await library.remove(String(request.params.slug), userOf(withCookies(request.headers))))
      response.sendStatus(204);
    else next();
  };
}

/** The body, whose rest is passed over should nobody want it: the connection lives on, for the answer and for more. */
async function* bodyOf(request: Request): AsyncGenerator<Uint8Array> {
  try {
    yield* request.iterator({ destroyOnReturn: false });
  } finally {
    request.resume();
  }
}

/**
 * The name is kept as it was typed, and harmless: it never becomes a path, and is escaped wherever it is shown. Only what
 * nobody can see goes, such as the characters that make `annexe[RLO]txt.exe` look like a text.
 */
function nameOf(name: unknown): string {
  const visible = typeof name === "string" ? name.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, "").trim() : "";
  if (visible === "") throw new DownloadError(400, "A document needs a name");
  return /^.{1,200}/su.exec(visible)?.[0] ?? visible;
}

async function* limited(chunks: AsyncIterable<Uint8Array>, mostBytes: number): AsyncGenerator<Uint8Array> {
  let left = mostBytes;
  for await (const chunk of chunks) {
    left -= chunk.byteLength;
    if (left < 0) throw tooLarge();
    yield chunk;
  }
}

function tooLarge(): DownloadError {
  return new DownloadError(413, "The document is too large");
}
