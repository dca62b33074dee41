import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import {
  HTTPDownloadView,
  ObjectDownloadView,
  PathDownloadView,
  StorageDownloadView,
  VirtualDownloadView,
  VirtualFile,
  withMiddleware,
  type DownloadHandler,
} from "downloadview";
import { keepFiles, type KeptFiles } from "downloadview/keep";
import type { Library } from "./library.ts";
import { seedsDir } from "./seed.ts";
import { userOf } from "./visitors.ts";

const greeting = "Hello world!\n";
const name = "hello-world.txt";

/** What answers each route: the five views, in the ways that most applications need. The page shows these very lines. */
export function downloadViews(
  { documentsOf, storage }: Library,
  remote: string,
  kept: KeptFiles,
): Record<string, DownloadHandler> {
  const model = documentsOf(undefined);
  return {
    "/documents/:slug": ObjectDownloadView.asView({
      storage,
      filenameField: "filename",
      getQueryset() {
        return documentsOf(userOf(this.request));
      },
    }),
    "/previews/:slug": ObjectDownloadView.asView({
      storage,
      filenameField: "filename",
      attachment: false,
      getQueryset() {
        return documentsOf(userOf(this.request));
      },
    }),

    "/object/default-file/:slug": ObjectDownloadView.asView({ model, storage }),
    "/object/another-file/:slug": ObjectDownloadView.asView({ model, storage, fileField: "anotherFile" }),
    "/object/deserialized_basename/:slug": ObjectDownloadView.asView({ model, storage, filenameField: "filename" }),
    "/object/inline-file/:slug": ObjectDownloadView.asView({ model, storage, attachment: false }),

    "/storage/static-path/*path": StorageDownloadView.asView({ storage }),
    "/storage/dynamic-path/*path": StorageDownloadView.asView({
      storage,
      getPath() {
        return this.params.path?.toUpperCase();
      },
    }),

    "/path/static-path": PathDownloadView.asView({ path: join(seedsDir, "hello-world.txt") }),
    "/path/dynamic-path/*path": PathDownloadView.asView({ root: seedsDir }),

    "/http/simple_url": HTTPDownloadView.asView({ url: `http://${remote}/hello-world.txt`, allowedHosts: [remote] }),
    "/http/avatar_url/:user": HTTPDownloadView.asView({
      allowedHosts: [remote],
      attachment: false,
      filename: "avatar.png",
      getUrl() {
        const user = encodeURIComponent(this.params.user ?? "");
        return `http://${remote}/avatars/${user}`;
      },
    }),

    "/virtual/text": VirtualDownloadView.asView({ getFile: () => new VirtualFile(greeting, { name }) }),
    "/virtual/stringio": VirtualDownloadView.asView({
      getFile: () => new VirtualFile(Buffer.from(greeting), { name }),
    }),
    "/virtual/generated": VirtualDownloadView.asView({ getFile: () => new VirtualFile(countdown, { name }) }),

    "/kept/report": withMiddleware(
      VirtualDownloadView.asView({ getFile: () => new VirtualFile(countdown, { name: "report.txt" }) }),
      keepFiles(kept, { key: () => ["report", "revision 1"], freshFor: 60, cacheStatus: true }),
    ),
    "/kept/picture": withMiddleware(
      HTTPDownloadView.asView({ url: `http://${remote}/avatars/ada`, allowedHosts: [remote], attachment: false }),
      keepFiles(kept, { key: () => ["picture", "ada"], cacheStatus: true }),
    ),
  };
}

/** Nobody knows its length, and nothing of it is kept: a client sees each line when it is made. */
async function* countdown(): AsyncGenerator<string> {
  for (const line of ["3 …\n", "2 …\n", "1 …\n", greeting]) {
    yield line;
    await setTimeout(250);
  }
}
