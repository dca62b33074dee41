import { randomBytes } from "node:crypto";

/** A file that the doctor saves in the storage. */
export interface Sample {
  /** The part of the path after the URL of the health check. */
  readonly name: string;
  readonly content: string;
}

export interface Samples {
  readonly plain: Sample;
  /** Its content is replaced by that of {@link renewed}, which has the same length. */
  readonly changing: Sample;
  readonly renewed: Sample;
  /** Have types and sizes that servers compress by default. Servers do not compress a few bytes. */
  readonly compressible: readonly Sample[];
  /** Their names are ones that some server gets wrong. */
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

/** Makes samples. The content of each differs from all others, and from files that an earlier run left behind. */
export function makeSamples(): Samples {
  const run = randomBytes(6).toString("hex");
  const sample = (name: string): Sample => ({
    // Only the last segment differs from run to run: a storage may leave folders behind.
    name: name.replace(/[^/]+$/, (segment) => `${run}-${segment}`),
    content: `${randomBytes(16).toString("hex")}\n`,
  });
  const [plain, changing, renewed] = [sample("plain.txt"), sample("changing.txt"), sample("changing.txt")];
  const large = (name: string, start = ""): Sample => {
    const { name: unique, content } = sample(name);
    return { name: unique, content: start + content.repeat(256) };
  };
  const types = ["txt", "html", "css", "js", "json", "xml", "svg", "csv"].map((type) => large(`page.${type}`));
  const compressible = [...types, large("page.pdf", "%PDF-1.4\n")];
  return { plain, changing, renewed, compressible, odd: oddNames.map(sample) };
}

/** The samples that the doctor saves before all checks. */
export function firstSamples({ plain, changing, compressible, odd }: Samples): readonly Sample[] {
  return [plain, changing, ...compressible, ...odd];
}

export function urlPath(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/");
}
