import { closeDescriptor, descriptorPath, openFolder } from "./file-system.ts";
import type { LocalRoot } from "./root.ts";

/**
 * A folder below a root in which several files are being read at this moment. It is opened, and where it is is checked once.
 * The files are opened relative to its descriptor, as `openat` does: what becomes of the path meanwhile does not matter, and
 * no file needs a check of its own.
 */
export class OpenFolder {
  readonly #path: string;
  readonly #root: LocalRoot;
  readonly #key: string;
  #readers = 0;
  #descriptor: number | undefined;
  #opening: Promise<void> | undefined;

  private constructor(path: string, root: LocalRoot, key: string) {
    this.#path = path;
    this.#root = root;
    this.#key = key;
  }

  /** Called before a file in the folder is read. The caller calls {@link leave} afterwards. */
  static enter(path: string, root: LocalRoot): OpenFolder {
    const key = `${path}\0${root.key}`;
    let folder = folders.get(key);
    if (!folder) folders.set(key, (folder = new OpenFolder(path, root, key)));
    folder.#readers += 1;
    return folder;
  }

  /** Resolves when {@link place} is decided. Undefined if it is. */
  ready(): Promise<void> | undefined {
    if (this.#readers > 1) this.#opening ??= this.#open();
    return this.#descriptor === undefined ? this.#opening : undefined;
  }

  /**
   * How the folder can be reached whatever becomes of its path. Undefined if a single file is being read, for which that
   * would cost more than it spares, if the folder is outside the root, and on systems other than Linux.
   */
  get place(): string | undefined {
    return this.#descriptor === undefined ? undefined : `/proc/self/fd/${this.#descriptor}`;
  }

  leave(): void {
    this.#readers -= 1;
    if (this.#readers > 0) return;
    folders.delete(this.#key);
    if (this.#descriptor !== undefined) closeDescriptor(this.#descriptor).catch(() => undefined);
  }

  async #open(): Promise<void> {
    if (process.platform !== "linux") return;
    const descriptor = await openFolder(this.#path).catch(() => undefined);
    if (descriptor === undefined) return;
    try {
      await this.#root.assertInside(await descriptorPath(descriptor));
      this.#descriptor = descriptor;
    } catch {
      await closeDescriptor(descriptor);
    }
  }
}

/** By path and root. */
const folders = new Map<string, OpenFolder>();
