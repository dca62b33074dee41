import { join } from "node:path";
import { PathDownloadView } from "downloadview";
import { toExpressHandler } from "downloadview/express";
import express from "express";
import { listen } from "./listen.ts";
import { seedsDir } from "./seed.ts";

export interface Remote {
  /** Its name and port. */
  readonly host: string;
  close(): Promise<void>;
}

/** Another server, whose files the demo passes on. It listens on this machine only: the demo needs no network. */
export async function startRemote(filesDir: string): Promise<Remote> {
  const app = express();
  const file = (name: string) => toExpressHandler(PathDownloadView.asView({ path: join(seedsDir, name) }));
  app.get("/hello-world.txt", file("hello-world.txt"));
  // A file that says "private", as files do by default, is passed on and not kept.
  const avatar = { path: join(seedsDir, "avatar.png"), cacheControl: "public, max-age=60" };
  app.get("/avatars/ada", toExpressHandler(PathDownloadView.asView(avatar)));
  // The documents, too: as any server has files, and as an object store answers GetObject of the bucket "files". A real
  // one would ask for credentials.
  app.get("/files/*path", toExpressHandler(PathDownloadView.asView({ root: filesDir })));

  const { port, close } = await listen(app);
  return { host: `127.0.0.1:${port}`, close };
}
