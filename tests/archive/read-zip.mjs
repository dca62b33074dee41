/** Prints the SHA-256 and the name of each file of a ZIP, as a reader of npm finds them: `node read-zip.mjs yauzl a.zip`. */
import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const print = (name, bytes) => {
  if (!name.endsWith("/")) console.log(`${createHash("sha256").update(bytes).digest("hex")} ${name}`);
};

const readers = {
  async yauzl(path) {
    const { default: yauzl } = await import("yauzl");
    const zip = await promisify(yauzl.open)(path, { lazyEntries: true, validateEntrySizes: true });
    const openReadStream = promisify(zip.openReadStream.bind(zip));
    zip.on("entry", async (entry) => {
      const chunks = [];
      for await (const chunk of await openReadStream(entry)) chunks.push(chunk);
      print(entry.fileName, Buffer.concat(chunks));
      zip.readEntry();
    });
    zip.readEntry();
    await new Promise((resolve, reject) => zip.on("end", resolve).on("error", reject));
  },
  async fflate(path) {
    const { unzipSync } = await import("fflate");
    for (const [name, bytes] of Object.entries(unzipSync(await readFile(path)))) print(name, bytes);
  },
  async "zip.js"(path) {
    const { BlobReader, Uint8ArrayWriter, ZipReader, configure } = await import("@zip.js/zip.js");
    configure({ useWebWorkers: false });
    const zip = new ZipReader(new BlobReader(await openAsBlob(path)), { checkSignature: true });
    for (const entry of await zip.getEntries()) {
      if (!entry.directory) print(entry.filename, await entry.getData(new Uint8ArrayWriter()));
    }
  },
};

const [reader, path] = process.argv.slice(2);
await readers[reader](path);
