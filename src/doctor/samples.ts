import { randomBytes } from "node:crypto";

/** A file that the doctor puts into the storage. */
export interface Sample {
  /** What comes after the URL of the health check. */
  readonly name: string;
  readonly content: string;
}

export interface Samples {
  readonly plain: Sample;
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
    name: `${run}/${name}`,
    content: `${randomBytes(16).toString("hex")}\n`,
  });
  return { plain: sample("plain.txt"), odd: oddNames.map(sample) };
}

export function urlPath(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/");
}
