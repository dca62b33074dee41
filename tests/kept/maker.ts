/**
 * A process that makes a file, for tests that kill it. Arguments: folder, chunks of 64 KiB, milliseconds between two of them, a log
 * of makings, a folder that machines share, or the URL of a bucket of S3, and the URL of their Redis.
 * Prints "ready", then for each line on its input makes the file and prints its SHA-256. Its client leaves after the first bytes if
 * the line begins with "leave ", and "left" is printed.
 */
import { createHash } from "node:crypto";
import { appendFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { S3Client } from "@aws-sdk/client-s3";
import { Redis } from "ioredis";
import { FileSystemStorage, readOpened, VirtualFile } from "../../src/index.ts";
import { RedisKeptLeases } from "../../src/redis/index.ts";
import { S3Storage } from "../../src/storages/s3/s3-storage.ts";
import { openKept } from "./support.ts";
import { KeptFiles } from "../../src/kept/index.ts";

const [folder = "", chunks = "16", pause = "0", log = "", shared = "", redis = ""] = process.argv.slice(2);
const fleet = shared && {
  shared: shared.startsWith("http") ? bucketAt(new URL(shared)) : new FileSystemStorage(shared),
  ...(redis ? { leases: new RedisKeptLeases(new Redis(redis)) } : {}),
};
const kept = new KeptFiles({ folder, lease: 1500, ...fleet });

function bucketAt({ origin, pathname }: URL): S3Storage {
  const client = new S3Client({
    endpoint: origin,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "test:tester", secretAccessKey: "testing" },
  });
  return new S3Storage(client, { bucket: pathname.slice(1) });
}

async function* bytes(): AsyncGenerator<Uint8Array> {
  if (log) await appendFile(log, `${process.pid}\n`);
  for (let index = 0; index < Number(chunks); index += 1) {
    yield new Uint8Array(65_536).fill(index);
    if (Number(pause) > 0) await sleep(Number(pause));
  }
}

process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  const leaves = line.startsWith("leave ");
  const file = new VirtualFile(bytes, { name: "big.bin" });
  const opened = await openKept(kept, ["big", line.replace("leave ", "")], file, { finishAnyway: !leaves });
  const hash = createHash("sha256");
  for await (const chunk of readOpened(opened)) {
    hash.update(chunk);
    if (leaves) break;
  }
  // A follower of another process has come by then.
  if (leaves) await sleep(500);
  await opened.close();
  process.stdout.write(leaves ? "left\n" : `${hash.digest("hex")}\n`);
}
