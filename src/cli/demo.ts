import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runServe } from "./serve.ts";
import { exitCode, type CommandIO } from "./signing-options.ts";

export const demoHelp: string = `downloadview demo [options]

Makes a folder of sample files and serves it, until Ctrl-C: names in several scripts, a page that would run a script, a
file of 1 GB (which takes no space) to pause and resume. Options are those of downloadview serve.
`;

/** `downloadview demo`: {@link runServe} for a folder that is made for it, and removed at the end. */
export function runDemo(args: readonly string[], io: CommandIO, stop?: AbortSignal): Promise<number> {
  return exitCode(io, "demo", async () => {
    if (args.includes("--help") || args.includes("-h")) {
      io.stdout(demoHelp);
      return 0;
    }
    const folder = await mkdtemp(join(tmpdir(), "downloadview-demo-"));
    try {
      await makeSamples(folder);
      const stdout = (text: string): void => io.stdout(text + tries(/http:\S+/.exec(text)?.[0]));
      return await runServe([folder, ...args], { ...io, stdout }, folder, stop);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

const samples: Readonly<Record<string, string>> = {
  "Hello.txt": "Hello world!\n",
  "Grüße aus 東京.txt": "A name in three scripts. It is sent in full, and in ASCII for old clients.\n",
  "Hostile page.html": "<h1 id=verdict>No script ran</h1><script>verdict.textContent = 'A script ran'</script>\n",
  "Hostile drawing.svg":
    '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="40"><text y="25">No script ran</text>' +
    "<script>document.querySelector('text').textContent = 'A script ran'</script></svg>\n",
};

async function makeSamples(folder: string): Promise<void> {
  for (const [name, text] of Object.entries(samples)) await writeFile(join(folder, name), text);
  const large = await open(join(folder, "One gigabyte.bin"), "w");
  await large.truncate(1e9);
  await large.close();
}

function tries(url: string | undefined): string {
  if (url === undefined) return "";
  return `
Try:
  curl -i ${url}Hello.txt                            200, with ETag, Last-Modified and Content-Length
  curl -i -r 0-4 ${url}Hello.txt                     206, and five bytes
  curl --limit-rate 50M -O ${url}One%20gigabyte.bin  Press Ctrl-C midway, then
  curl -C - -O ${url}One%20gigabyte.bin              it goes on where it stopped
`;
}
