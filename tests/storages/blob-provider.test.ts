import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFsFileStorage } from "@remix-run/file-storage/fs";
import { createMemoryFileStorage } from "@remix-run/file-storage/memory";
import { BlobProviderStorage } from "downloadview";
import { describeStorage } from "./contract.ts";

describeStorage(
  "BlobProviderStorage in memory",
  async () => ({ storage: new BlobProviderStorage(createMemoryFileStorage()), dispose: async () => {} }),
  { exclusiveSaves: false, keepsContentType: true },
);

describeStorage(
  "BlobProviderStorage on disk",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "blobs-"));
    const storage = new BlobProviderStorage(createFsFileStorage(folder));
    return { storage, dispose: () => rm(folder, { recursive: true }) };
  },
  { exclusiveSaves: false, keepsContentType: true },
);
