import { randomBytes } from "node:crypto";
import { ObjectDownloadView, type DownloadHandler, type DownloadRequest } from "downloadview";
import { limitedDownloads, MemoryDownloadCounter, signatureRequired, URLSigner } from "downloadview/signing";
import type { RequestHandler } from "express";
import { renderSVG } from "uqr";
import type { Library } from "./library.ts";
import { userOf, withCookies, type User } from "./visitors.ts";

export interface Shares {
  /** Makes a link to a document, for users who may read it: a POST answered with JSON. */
  readonly create: RequestHandler;
  /** How many downloads a link has left. */
  readonly left: RequestHandler;
  /** Serves a document to each client that has its link. */
  readonly view: DownloadHandler;
}

const expiresIn = 600;
const limit = 3;

/** Links to documents that expire after ten minutes or three downloads. The signature is the permission. */
export function documentShares({ documentsOf, storage }: Library): Shares {
  const signer = new URLSigner({ secrets: randomBytes(32).toString("base64url") });
  const counter = new MemoryDownloadCounter();
  const key = (request: DownloadRequest): string => parameter(request, "share") ?? "";
  const shared = ObjectDownloadView.asView({
    storage,
    filenameField: "filename",
    getQueryset() {
      return documentsOf((parameter(this.request, "by") ?? undefined) as User | undefined);
    },
  });

  return {
    // The user who shares a document is in the URL. The signature covers that, so that a client cannot change it.
    view: signatureRequired(limitedDownloads(shared, { limit, counter, key, within: expiresIn }), { signer }),

    async create(request, response, next) {
      const user = userOf(withCookies(request.headers));
      const slug = String(request.params.slug);
      if (!(await documentsOf(user).findOne({ slug }))) return next();
      const share = randomBytes(16).toString("hex");
      const query = new URLSearchParams({ share, ...(user && { by: user }) });
      const path = await signer.sign(`/shared/${slug}?${query}`, { expiresIn });
      const url = new URL(path, `${request.protocol}://${request.get("Host")}`).href;
      response.json({ url, share, limit, expiresAt: Date.now() + expiresIn * 1000, qr: renderSVG(url) });
    },

    async left(request, response) {
      const link = String(request.params.share);
      const terms = { client: "a new client", whole: true, restarts: 0, now: Date.now(), grantLife: 0 };
      const used = await Promise.all(
        Array.from({ length: limit }, async (_, uses) => !(await counter.allows(link, { ...terms, limit: uses + 1 }))),
      );
      response.json({ left: limit - used.filter(Boolean).length });
    },
  };
}

function parameter({ url }: DownloadRequest, name: string): string | null {
  return new URL(url, "http://localhost").searchParams.get(name);
}
