import { readFile } from "node:fs/promises";
import { debug, reasonOf } from "../diagnostics.ts";
import { forgetOldest, maxRemembered } from "./forget-oldest.ts";
import type { KeptStore } from "./kept-store.ts";
import { hashKey, type HashedKey } from "./key.ts";
import { obtainWhole } from "./obtain-whole.ts";
import { ManifestSource, type SliceManifest } from "./slice-manifest.ts";
import { dropSlices, SlicedFile } from "./sliced-file.ts";
import { visitOf, type Visit } from "./visit.ts";

/** The manifests that were used last, by the hash of the key. */
const latest = new WeakMap<KeptStore, Map<string, SliceManifest>>();

/** The original in slices. Undefined if it cannot be sliced, is shorter than `from` bytes, or must not be kept. */
export async function slicedFile(store: KeptStore, visit: Visit, from: number): Promise<SlicedFile | undefined> {
  const { key, original, options, signal, report } = visit;
  const manifestKey = manifestKeyOf(key);
  const again = visitOf(manifestKey, new ManifestSource(original), options, { signal, report });
  const obtained = await obtainWhole(store, again, visit.patience);
  if (obtained.kind !== "kept") return undefined;
  const manifest = await manifestAt(obtained.file.path);
  if (!manifest || manifest.size < from) return undefined;
  await discardOther(store, visit, manifest);
  // In the shared storage as well: from there, each request would get it back. What the client is told is that the file changed.
  const onChanged = (): Promise<unknown> =>
    store.delete(manifestKey.hash).catch((error: unknown) => {
      debug(() => `A manifest of slices could not be dropped: ${reasonOf(error)}`);
    });
  return new SlicedFile(store, visit, manifest, onChanged);
}

/** Drops the manifest of a key, and all slices of it. Returns false if this machine had none. */
export async function deleteSlices(store: KeptStore, key: HashedKey): Promise<boolean> {
  const manifestKey = manifestKeyOf(key);
  const record = await store.index.find(manifestKey);
  const manifest = record && (await manifestAt(store.folder.file(record.file)).catch(() => null));
  // First what leads to the slices.
  const wasThere = await store.delete(manifestKey.hash);
  if (manifest) await dropSlices(key, manifest, (hash) => store.delete(hash));
  return wasThere;
}

/** An array within the array: no texts and numbers of a client, in the key of an application, make it. */
function manifestKeyOf({ key }: HashedKey): HashedKey {
  return hashKey(["slices", key]);
}

/** Null for a file that cannot be sliced. */
async function manifestAt(path: string): Promise<SliceManifest | null> {
  return JSON.parse(await readFile(path, "utf8")) as SliceManifest | null;
}

async function discardOther(store: KeptStore, { key }: Visit, manifest: SliceManifest): Promise<void> {
  const known = latest.get(store) ?? new Map<string, SliceManifest>();
  latest.set(store, known);
  const before = known.get(key.hash);
  known.set(key.hash, manifest);
  if (known.size > maxRemembered) forgetOldest(known);
  if (before && before.etag !== manifest.etag) await dropSlices(key, before, (hash) => store.drop(hash));
}
