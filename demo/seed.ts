import { createReadStream } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Content, Library } from "./library.ts";
import type { User } from "./visitors.ts";

/** The folder of the files that the library begins with. */
export const seedsDir: string = fileURLToPath(new URL("seeds", import.meta.url));

interface Seed {
  readonly slug: string;
  readonly filename: string;
  readonly owner?: User;
  content(): Content;
}

const seeds: readonly Seed[] = [
  seed("how-a-download-travels.pdf", "How a download travels.pdf"),
  seed("mountain-lake.png", "Mountain lake.png"),
  seed("sunset.webm", "Sunset at the lake.webm"),
  seed("greetings.txt", "Grüße aus 東京 🗼.txt"),
  { slug: "weather", filename: "Weather at the lake, minute by minute.csv", content: () => weather(2025) },
  seed("wants-to-run.html", "Hostile page.html", "hostile-page"),
  seed("wants-to-run.svg", "Hostile drawing.svg", "hostile-drawing"),
  note("ada", "Ada's diary.txt", "Only Ada may read this.\n"),
  note("grace", "Grace's contract.txt", "Only Grace may read this.\n"),
];

function seed(file: string, filename: string, slug = file.replace(/\..*/, "")): Seed {
  return { slug, filename, content: () => createReadStream(`${seedsDir}/${file}`) };
}

function note(owner: User, filename: string, text: string): Seed {
  return { slug: `note-of-${owner}`, filename, owner, content: () => [Buffer.from(text)] };
}

/** Fills a library that is new. The newest document is shown first, so the first comes last. */
export async function seedLibrary(library: Library): Promise<void> {
  for (const { slug, filename, owner, content } of seeds.toReversed()) {
    await library.add(filename, content(), { slug, owner });
  }
  await library.storage.save("hello-world.txt", "Hello world!\n");
  await library.storage.save("HELLO-LOUD.TXT", "HELLO WORLD!\n");
}

/** A CSV of some 16 MB, a day at a time. Each year is always the same. */
function* weather(year: number): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  const minute = 60_000;
  yield encoder.encode("time,air_celsius,water_celsius,wind_metres_per_second\n");
  for (let day = Date.UTC(year, 0, 1); day < Date.UTC(year + 1, 0, 1); day += 1440 * minute) {
    let rows = "";
    for (let time = day; time < day + 1440 * minute; time += minute) rows += weatherAt(time);
    yield encoder.encode(rows);
  }
}

function weatherAt(time: number): string {
  const days = time / 86_400_000;
  const season = -Math.cos((2 * Math.PI * days) / 365.25);
  const sunshine = -Math.cos(2 * Math.PI * days);
  const gust = Math.sin(days * 977) * Math.sin(days * 131);
  const measured = [9 + 11 * season + 4 * sunshine + gust, 11 + 8 * season + sunshine / 2, 4 + 3 * gust];
  return `${new Date(time).toISOString().slice(0, 16)}Z,${measured.map((value) => value.toFixed(1)).join(",")}\n`;
}
