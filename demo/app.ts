import { STATUS_CODES } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  FileNotFoundError,
  PathDownloadView,
  smartDownloadMiddleware,
  withMiddleware,
  type DownloadHandler,
} from "downloadview";
import { toExpressHandler } from "downloadview/express";
import { KeptFiles } from "downloadview/keep";
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from "express";
import { deleteDocument, uploadDocument } from "./changes.ts";
import { diagnosis, healthcheckView } from "./diagnosis.ts";
import { demoConfig } from "./downloadview.config.ts";
import { Exchanges } from "./exchanges.ts";
import { openLibrary } from "./library.ts";
import { measurement } from "./measurement.ts";
import { errorPage, libraryPage } from "./page.ts";
import { startRemote } from "./remote.ts";
import { sameOrigin } from "./same-origin.ts";
import { seedLibrary } from "./seed.ts";
import { documentSelections } from "./selections.ts";
import { serverViews } from "./servers.ts";
import { documentShares } from "./shares.ts";
import { slowLine } from "./slow-line.ts";
import { sourceViews } from "./sources.ts";
import { downloadViews } from "./views.ts";
import { changeUser, giveVisitorCookie, userOf, withCookies } from "./visitors.ts";

export interface DemoOptions {
  /** Where documents are kept. It is made and filled when it is not there. */
  dataDir: string;
  /** The most that may be uploaded at once, in bytes. Default 100 MB. */
  uploadLimit?: number;
  /** Whether nginx stands in front, with the configuration that is made for it. Default `false`. */
  behindNginx?: boolean;
}

export interface Demo {
  readonly app: Express;
  close(): Promise<void>;
}

/** A small document library: a page, the five views, what servers can send for them, uploads. */
export async function createDemo({
  dataDir,
  uploadLimit = 100_000_000,
  behindNginx = false,
}: DemoOptions): Promise<Demo> {
  const library = await openLibrary(dataDir, seedLibrary);
  const remote = await startRemote(library.filesDir);
  const kept = new KeptFiles({ folder: join(dataDir, "kept"), maxBytes: 100_000_000 });

  const app = express().disable("x-powered-by").disable("etag");
  const exchanges = new Exchanges();
  app.get("/", async (request, response) => {
    const cookies = withCookies(request.headers);
    const user = userOf(cookies);
    giveVisitorCookie(cookies, response);
    sendPage(response, 200, libraryPage(await library.list(user), { uploadLimit, behindNginx, user }));
  });
  app.get("/public/*path", toExpressHandler(PathDownloadView.asView(publicFiles)));
  app.get("/exchanges", exchanges.stream);
  const shares = documentShares(library);
  app.get("/shares/:share", shares.left);
  app.use(exchanges.record);

  const config = demoConfig(dataDir, behindNginx);
  const offload = smartDownloadMiddleware(config);
  const views: Record<string, DownloadHandler> = {
    ...downloadViews(library, remote.host, kept),
    ...serverViews(),
    ...sourceViews(library, remote.host),
    "/shared/:slug": shares.view,
    "/healthcheck/*path": healthcheckView(config),
  };
  for (const [route, view] of Object.entries(views)) {
    app.get(route, toExpressHandler(withMiddleware(view, slowLine, offload)));
  }
  app.get("/unaided/:slug", toExpressHandler(downloadViews(library, remote.host, kept)["/documents/:slug"]!));

  const form = express.urlencoded({ extended: false });
  const { post, get } = documentSelections(library);
  app.post("/selections", sameOrigin, form, toExpressHandler(post));
  app.get("/selections/:selection", toExpressHandler(withMiddleware(get, slowLine)));

  app.post("/documents/:slug/share", sameOrigin, shares.create);
  app.post("/diagnosis", sameOrigin, diagnosis(config, behindNginx));
  app.post("/measurement", sameOrigin, measurement);
  app.post("/documents", sameOrigin, uploadDocument(library, uploadLimit));
  app.delete("/documents/:slug", sameOrigin, deleteDocument(library));
  app.post("/user", sameOrigin, form, changeUser);
  app.post("/reset", sameOrigin, async (_request, response) => {
    await library.reset();
    response.redirect(303, "/");
  });
  app.use(notFound, answerError);
  return {
    app,
    async close() {
      await remote.close();
      await kept.close();
      library.close();
    },
  };
}

const publicFiles = {
  root: fileURLToPath(new URL("public", import.meta.url)),
  attachment: false,
  cacheControl: "no-cache",
};

const notFound: RequestHandler = (_request, _response, next) => next(new FileNotFoundError());

/** What is not there looks the same for every reason: no such page or document, a path out of a root, a broken `%zz`. */
const answerError: ErrorRequestHandler = (error, request, response, next) => {
  if (response.headersSent) return next(error);
  const status = error instanceof URIError ? 404 : Number(error.status ?? 500);
  // Who left in the middle of an upload is no fault of ours.
  if (status >= 500 && !request.destroyed) console.error(error);
  const reason = STATUS_CODES[status] ?? "Error";
  // Only the page's own scripts ask for JSON. They show messages that are written for users, and no other message.
  if (request.get("Accept") === "application/json") {
    response.status(status).json({ error: error.expose ? error.message : reason });
  } else sendPage(response, status, errorPage(status, reason));
};

function sendPage(response: Response, status: number, page: string): void {
  response.status(status).set("Content-Security-Policy", pagePolicy).set("Cache-Control", "no-store").send(page);
}

// Nothing but what this server has, no script that stands in the page itself, and no other site around it. Its own page
// may be around it: a preview of a document that is gone shows the 404, not a browser's "refused to connect".
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; frame-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";
