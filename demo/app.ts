import { STATUS_CODES } from "node:http";
import { fileURLToPath } from "node:url";
import { FileNotFoundError, PathDownloadView, smartDownloadMiddleware, withMiddleware } from "downloadview";
import { toExpressHandler } from "downloadview/express";
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from "express";
import { deleteDocument, uploadDocument } from "./changes.ts";
import { demoConfig } from "./downloadview.config.ts";
import { openLibrary } from "./library.ts";
import { errorPage, libraryPage } from "./page.ts";
import { startRemote } from "./remote.ts";
import { sameOrigin } from "./same-origin.ts";
import { seedLibrary } from "./seed.ts";
import { documentSelections } from "./selections.ts";
import { serverViews } from "./servers.ts";
import { slowLine } from "./slow-line.ts";
import { downloadViews } from "./views.ts";

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
  const remote = await startRemote();

  const app = express().disable("x-powered-by").disable("etag");
  app.get("/", async (_request, response) => {
    sendPage(response, 200, libraryPage(await library.list(), { uploadLimit, behindNginx }));
  });
  app.get("/public/*path", toExpressHandler(PathDownloadView.asView(publicFiles)));
  const offload = smartDownloadMiddleware(demoConfig(dataDir, behindNginx));
  for (const [route, view] of Object.entries({ ...downloadViews(library, remote.host), ...serverViews() })) {
    app.get(route, toExpressHandler(withMiddleware(view, slowLine, offload)));
  }

  const { post, get } = documentSelections(library);
  app.post("/selections", sameOrigin, express.urlencoded({ extended: false }), toExpressHandler(post));
  app.get("/selections/:selection", toExpressHandler(withMiddleware(get, slowLine)));

  app.post("/documents", sameOrigin, uploadDocument(library, uploadLimit));
  app.delete("/documents/:slug", sameOrigin, deleteDocument(library));
  app.use(notFound, answerError);
  return {
    app,
    async close() {
      await remote.close();
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
  sendPage(response, status, errorPage(status, STATUS_CODES[status] ?? "Error"));
};

function sendPage(response: Response, status: number, page: string): void {
  response.status(status).set("Content-Security-Policy", pagePolicy).set("Cache-Control", "no-store").send(page);
}

// Nothing but what this server has, no script that stands in the page itself, and no other site around it.
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; frame-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
