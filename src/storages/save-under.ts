import { assertByteSource, releaseSource, type ByteSource } from "../files/bytes.ts";
import { alternativeName, assertIfExists, nameTaken, normalizeName } from "./name.ts";
import type { SaveOptions, Storage, StorageContent } from "./storage.ts";

/**
 * Saves under `name`, or under a free one, by `write`, in a store that has no writes on condition: somebody else may take
 * the name between the look and the write.
 */
export async function saveUnder(
  storage: Pick<Storage, "exists">,
  name: string,
  content: StorageContent,
  { ifExists = "replace", signal }: SaveOptions,
  write: (name: string, content: ByteSource) => Promise<void>,
): Promise<string> {
  try {
    normalizeName(name);
    assertByteSource(content);
    assertIfExists({ ifExists });
    signal?.throwIfAborted();
    const taken = ifExists !== "replace" && (await storage.exists(name));
    if (taken && ifExists === "fail") throw nameTaken();
    const saved = taken ? alternativeName(name) : name;
    await write(saved, content);
    return saved;
  } catch (error) {
    releaseSource(content);
    throw error;
  }
}
