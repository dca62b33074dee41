import { randomBytes } from "node:crypto";

/** A file that the doctor puts into the storage. */
export interface Sample {
  /** What comes after the URL of the health check. */
  readonly name: string;
  readonly content: string;
}

export interface Samples {
  readonly plain: Sample;
  /** One whose content is replaced by {@link renewed}'s, at the same length. */
  readonly changing: Sample;
  readonly renewed: Sample;
  /** Of the types and sizes that servers compress by default: files of a few bytes they leave alone. */
  readonly compressible: readonly Sample[];
  /** Names that one server or another gets wrong. */
  readonly odd: readonly Sample[];
}

const oddNames = [
  "sp ace.txt",
  "100%.txt",
  "pct%20lit.txt",
  "q?mark.txt",
  "hash#h.txt",
  "plus+p.txt",
  "amp&eq=.txt",
  "semi;colon,comma.txt",
  "quo'te\".txt",
  "br[a]c{k}et.txt",
  "dollar$1.txt",
  "ünïcode.txt",
  "nfd-e\u0301.txt",
  "日本.txt",
  "🎉.txt",
  "folder/in folder.txt",
] as const;

/** New samples: the content of none is like that of any other, nor like that of a file that is left from before. */
export function makeSamples(): Samples {
  const run = randomBytes(6).toString("hex");
  const sample = (name: string): Sample => ({
    // In the last segment: a storage may leave folders behind, which are then always the same.
    name: name.replace(/[^/]+$/, (segment) => `${run}-${segment}`),
    content: `${randomBytes(16).toString("hex")}\n`,
  });
  const [plain, changing, renewed] = [sample("plain.txt"), sample("changing.txt"), sample("changing.txt")];
  const large = (name: string, start = ""): Sample => {
    const { name: unique, content } = sample(name);
    return { name: unique, content: start + content.repeat(256) };
  };
  const compressible = [large("page.txt"), large("page.pdf", "%PDF-1.4\n")];
  return { plain, changing, renewed, compressible, odd: oddNames.map(sample) };
}

/** Those that are there from the beginning. */
export function firstSamples({ plain, changing, compressible, odd }: Samples): readonly Sample[] {
  return [plain, changing, ...compressible, ...odd];
}

export function urlPath(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/");
}
