import { StorageFile } from "downloadview";
import { MemorySelections, selections, type Selections } from "downloadview/archive";
import type { Request } from "express";
import type { Library } from "./library.ts";
import { userOf } from "./visitors.ts";

/** The documents that a reader ticked, as one ZIP under a URL that resumes. */
export function documentSelections({ list, storage }: Library): Selections<Request> {
  return selections({
    store: new MemorySelections(),
    filename: "Selected documents.zip",
    getIds: (_request, { native }) => [native.body?.slug ?? []].flat(),
    getUrl: (selection) => `/selections/${selection}`,
    async getEntries(slugs, request) {
      // Asked again for every download: a link that was passed on opens no document of the user who made it.
      const documents = await list(userOf(request));
      const selected = documents.filter(({ slug }) => slugs.includes(slug));
      return selected.map(({ filename, file }) => ({ name: filename, file: new StorageFile(storage, file) }));
    },
  });
}
