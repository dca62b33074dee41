import { isDownloadError } from "../errors.ts";
import type { DownloadFile } from "../files/download-file.ts";
import { remembered, type CompiledRule } from "./compiled-rule.ts";
import { locatePath, locateUrl, type Location } from "./path-prefix.ts";

/**
 * Finds the first rule that matches, without looking at all the others: an application may have a rule for each of a
 * thousand customers.
 */
export class RuleIndex {
  readonly rules: readonly CompiledRule[];
  readonly #paths = new PrefixTree();
  readonly #urls = new PrefixTree();
  readonly #firstForPath = remembered((path) => this.#paths.firstAbove(locatePath(path)));
  /** The rules whose storage signs a URL, by the seconds for which it works. In the order of the first rule of each. */
  readonly presigned: readonly PresignedRules[];

  constructor(rules: readonly CompiledRule[]) {
    this.rules = rules;
    const presigned = new Map<number, PresignedRules>();
    rules.forEach(({ sourceDir, sourceUrl, signedFor }, at) => {
      if (signedFor === undefined) {
        if (sourceDir) this.#paths.add(sourceDir, at);
        if (sourceUrl) this.#urls.add(sourceUrl, at);
      } else if (sourceUrl) {
        const group = presigned.get(signedFor) ?? { signedFor, first: at, urls: new PrefixTree() };
        group.urls.add(sourceUrl, at);
        presigned.set(signedFor, group);
      }
    });
    this.presigned = [...presigned.values()];
  }

  /**
   * Returns the number of the first rule that matches the file as it is, without a URL that its storage signs. A storage may
   * have to work for its `url`: it is read only if a rule for URLs comes first.
   */
  firstFor(file: Pick<DownloadFile, "path" | "url">): number | undefined {
    const path = this.#paths.first < Infinity ? placeOf(file, "path") : undefined;
    const byPath = path === undefined ? Infinity : this.#firstForPath(path);
    const url = this.#urls.first < byPath ? placeOf(file, "url") : undefined;
    const first = url === undefined ? byPath : Math.min(byPath, this.#urls.firstAbove(locateUrl(url)));
    return first === Infinity ? undefined : first;
  }
}

/**
 * Returns a place of the file. For a bad name, the getters of a storage's file throw: such a file has no place here, and the
 * same error is thrown again when the file is read.
 */
export function placeOf(file: Pick<DownloadFile, "path" | "url">, name: "path" | "url"): string | undefined {
  try {
    return file[name];
  } catch (error) {
    if (isDownloadError(error)) return undefined;
    throw error;
  }
}

export interface PresignedRules {
  readonly signedFor: number;
  /** The number of the first of them. */
  readonly first: number;
  readonly urls: PrefixTree;
}

interface Node {
  /** The number of the first rule with this prefix. */
  first: number;
  readonly next: Map<string, Node>;
}

/** Prefixes by segment, each with the number of its rule. A search takes as many steps as the location has segments. */
export class PrefixTree {
  readonly #origins = new Map<string, Node>();
  /** The smallest number. */
  first: number = Infinity;

  add({ origin, segments }: Location, number: number): void {
    let node = nodeAt(this.#origins, origin);
    for (const segment of segments) node = nodeAt(node.next, segment);
    node.first = Math.min(node.first, number);
    this.first = Math.min(this.first, number);
  }

  /** Returns the smallest number of a prefix that `location` is below, or `Infinity`. */
  firstAbove(location: Location | undefined): number {
    if (!location) return Infinity;
    const { origin, segments } = location;
    let node = this.#origins.get(origin);
    let first = Infinity;
    for (const segment of segments) {
      if (node === undefined) break;
      first = Math.min(first, node.first);
      node = node.next.get(segment);
    }
    return first;
  }
}

function nodeAt(nodes: Map<string, Node>, key: string): Node {
  const node = nodes.get(key) ?? { first: Infinity, next: new Map<string, Node>() };
  nodes.set(key, node);
  return node;
}
