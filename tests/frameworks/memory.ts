/** The files of runtimes that have no disk. */
import { MemoryStorage, StorageDownloadView, type DownloadHandler } from "downloadview";
import { contents } from "./contents.ts";

const storage = new MemoryStorage();
const saved = Promise.all(Object.entries(contents).map(([name, content]) => storage.save(name, content)));

export function memoryFiles<C>({ attachment }: { attachment: boolean }): DownloadHandler<C> {
  const view = StorageDownloadView.asView({ storage, attachment });
  return async (request, context) => {
    await saved;
    return view(request, context);
  };
}
