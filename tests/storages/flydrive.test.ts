import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvalidPathError, StorageDownloadView, UpstreamError } from "downloadview";
import { FlyDriveStorage } from "downloadview/flydrive";
import { Disk } from "flydrive";
import { FSDriver } from "flydrive/drivers/fs";
import { expect, it } from "vitest";
import { respond } from "../views/respond.ts";
import { describeStorage } from "./contract.ts";

async function makeDisk() {
  const location = await mkdtemp(join(tmpdir(), "flydrive-"));
  const disk = new Disk(new FSDriver({ location, visibility: "private" }));
  return { disk, storage: new FlyDriveStorage(disk), dispose: () => rm(location, { recursive: true }) };
}

describeStorage("FlyDriveStorage", makeDisk, { exclusiveSaves: false, anyName: false });

it("FlyDriveStorage promises no ranges", async () => {
  const { storage, dispose } = await makeDisk();
  await storage.save("a.txt", "0123456789");
  const response = await respond(StorageDownloadView.asView({ storage, path: "a.txt" }), {
    headers: { Range: "bytes=2-3" },
  });
  expect([response.status, await response.text()]).toEqual([200, "0123456789"]);
  expect(response.headers.get("accept-ranges")).toBeNull();
  await dispose();
});

it("FlyDriveStorage finds no file under a name that a disk refuses", async () => {
  const { storage, dispose } = await makeDisk();
  await expect(storage.stat("häßlich%.txt")).rejects.toThrow(InvalidPathError);
  await dispose();
});

it("FlyDriveStorage does not take a disk that fails for a file that is not there", async () => {
  const failing = { exists: async () => true, getMetaData: () => Promise.reject(new Error("no disk")) };
  const { disk, dispose } = await makeDisk();
  const storage = new FlyDriveStorage(Object.assign(Object.create(disk) as Disk, failing));
  await expect(storage.open("a")).rejects.toThrow(UpstreamError);
  await dispose();
});

it("FlyDriveStorage signs URLs where the disk does", async () => {
  const { disk, dispose } = await makeDisk();
  const asked: unknown[] = [];
  const signing = { getSignedUrl: async (...parameters: unknown[]) => (asked.push(parameters), "https://a.example/") };
  const storage = new FlyDriveStorage(Object.assign(Object.create(disk) as Disk, signing));
  expect(await storage.url("a", { expiresIn: 60, contentType: "text/csv" })).toBe("https://a.example/");
  // FlyDrive counts in milliseconds.
  expect(asked).toEqual([["a", { expiresIn: 60_000, contentType: "text/csv" }]]);
  await dispose();
});
