import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

const script = `
  import { FileNotFoundError, PathDownloadView, StorageDownloadView, MemoryStorage, ObjectDownloadView } from "./src/index.ts";
  import { toFetchHandler } from "./src/adapters/fetch.ts";
  const ask = async (view, params) => {
    const response = await toFetchHandler(view)(new Request("http://localhost/"), { params });
    console.log(response.status, JSON.stringify(await response.text()));
  };
  await ask(PathDownloadView.asView({ root: "/nonexistent-root" }), { path: "a/b.txt" });
  await ask(StorageDownloadView.asView({ storage: new MemoryStorage() }), { path: "c.txt" });
  await ask(ObjectDownloadView.asView({ model: { findOne: () => null } }), { pk: "7" });
  await ask(ObjectDownloadView.asView({ model: { findOne: () => ({ file: "" }) } }), { pk: "8" });
  await ask(PathDownloadView.asView({ getFile: () => undefined }), {});
`;

it("tells the operator of each 404, with NODE_DEBUG=downloadview, which file was looked for, and the client nothing", () => {
  const args = ["--import", "tsx", "--input-type=module", "-e", script];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: new URL("../../", import.meta.url),
    env: { ...process.env, NODE_DEBUG: "downloadview" },
    encoding: "utf8",
  });
  expect(stdout.trim().split("\n")).toEqual(Array.from({ length: 5 }, () => '404 "Not Found\\n"'));
  for (const reason of [
    /404 for \/nonexistent-root\/a\/b\.txt: File not found.*ENOENT/,
    /404 for "c\.txt": File not found/,
    /404 for ObjectDownloadView: File not found: No object has \{"id":"7"\}/,
    /404 for ObjectDownloadView: File not found: The field "file" is empty/,
    /404 for PathDownloadView: File not found: PathDownloadView\.getFile\(\) returned undefined/,
  ]) {
    expect(stderr).toMatch(reason);
  }
});
