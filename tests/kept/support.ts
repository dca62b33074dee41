import type { DownloadFile, OpenFile } from "../../src/index.ts";
import type { KeepOptions, KeptFiles, KeptKey } from "../../src/kept/index.ts";
import { hashKey } from "../../src/kept/key.ts";
import { openForClient } from "../../src/kept/open-for-client.ts";
import { storeOf } from "../../src/kept/store-of.ts";
import { visitOf } from "../../src/kept/visit.ts";

/** What a client of a view with `keepFiles()` is sent. */
export function openKept(
  kept: KeptFiles,
  key: KeptKey,
  original: DownloadFile,
  options: KeepOptions = {},
): Promise<OpenFile> {
  return openForClient(storeOf(kept), visitOf(hashKey(key), original, options), {});
}
