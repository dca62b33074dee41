import { releaseSource } from "../files/byte-reader.ts";
import { assertByteSource, type ByteSource } from "../files/byte-source.ts";
import { alternativeName, assertIfExists, nameTaken, normalizeName } from "./name.ts";
import type { SaveOptions, Storage, StorageContent } from "./storage.ts";

/**
 * Saves under `name` or a free name, in a store without conditional writes. Between the check and the write, another client
 * may take the name.
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
