import { createServer } from "node:http";
import { PathDownloadView } from "downloadview";
import { toExpressHandler } from "downloadview/express";
import express from "express";
import { listen, type StartServer } from "../../harness/running-server.ts";

export const start: StartServer = (root) => {
  const app = express();
  app.get("/:path", toExpressHandler(PathDownloadView.asView({ root, attachment: false })));
  return listen(createServer(app));
};
