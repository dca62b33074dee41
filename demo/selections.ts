import { StorageFile } from "downloadview";
import { MemorySelections, selections, type Selections } from "downloadview/archive";
import type { Request } from "express";
import type { Library } from "./library.ts";

/** The documents that a reader ticked, as one ZIP under a URL that resumes. */
export function documentSelections({ list, storage }: Library): Selections<Request> {
  return selections({
    store: new MemorySelections(),
    filename: "Selected documents.zip",
    getIds: (_request, { native }) => [native.body?.slug ?? []].flat(),
    getUrl: (selection) => `/selections/${selection}`,
    async getEntries(slugs) {
      const documents = await list();
      const selected = documents.filter(({ slug }) => slugs.includes(slug));
      return selected.map(({ filename, file }) => ({ name: filename, file: new StorageFile(storage, file) }));
    },
  });
}
