import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";

/** The SHA-256 of each file, by name. */
export type Contents = Readonly<Record<string, string>>;

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** A program that reads archives. */
export interface Reader {
  /** What is called, and how. */
  readonly name: string;
  read(path: string): Promise<Contents>;
}

interface Command {
  readonly name: string;
  /** With the archive and the folder to extract into, if it extracts. */
  arguments(archive: string, folder: string): readonly string[];
  /** Whether the archive comes through a pipe. */
  readonly isPiped?: boolean;
  /** Whether it prints a checksum and a name on each line. By default it extracts files. */
  readonly prints?: boolean;
  /** What it returns for an archive without files, beside 0. */
  readonly emptyCode?: number;
}

const script = (name: string): string => join(import.meta.dirname, name);

const zipCommands: readonly Command[] = [
  { name: "unzip", arguments: (archive, folder) => ["unzip", "-qq", archive, "-d", folder], emptyCode: 1 },
  { name: "7z", arguments: (archive, folder) => ["7z", "x", "-y", "-bd", `-o${folder}`, archive] },
  { name: "bsdtar", arguments: (archive, folder) => ["bsdtar", "-xf", archive, "-C", folder] },
  { name: "bsdtar from a pipe", arguments: (_, folder) => ["bsdtar", "-xf", "-", "-C", folder], isPiped: true },
  {
    name: "busybox unzip",
    arguments: (archive, folder) => ["busybox", "unzip", "-q", archive, "-d", folder],
    emptyCode: 1,
  },
  {
    name: "Python's zipfile",
    arguments: (archive) => ["python3", script("read_archive.py"), "zip", archive],
    prints: true,
  },
  { name: "Perl's Archive::Zip", arguments: (archive) => ["perl", script("read_zip.pl"), archive], prints: true },
  ...["yauzl", "fflate", "zip.js"].map((name) => ({
    name,
    arguments: (archive: string) => [process.execPath, script("read-zip.mjs"), name, archive],
    prints: true,
  })),
];

let classes = "";

/** To be called before a reader in Java: what is compiled once starts in a third of the time. */
export async function compileJavaReader(folder: string): Promise<void> {
  const { code, errors } = await run("javac", ["-d", folder, script("ReadZip.java")]);
  if (code !== 0) throw new Error(errors);
  classes = folder;
}

const java = (...args: readonly string[]): string[] => ["java", "-XX:TieredStopAtLevel=1", "-cp", classes, ...args];

const javaCommands: readonly Command[] = [
  { name: "Java's ZipFile", arguments: (archive) => java("ReadZip", archive), prints: true },
  { name: "Java's ZipInputStream", arguments: () => java("ReadZip"), prints: true, isPiped: true },
];

const tarCommands: readonly Command[] = [
  { name: "GNU tar", arguments: (archive, folder) => ["tar", "-xf", archive, "-C", folder] },
  { name: "GNU tar from a pipe", arguments: (_, folder) => ["tar", "-xf", "-", "-C", folder], isPiped: true },
  { name: "bsdtar from a pipe", arguments: (_, folder) => ["bsdtar", "-xf", "-", "-C", folder], isPiped: true },
  { name: "busybox tar", arguments: (archive, folder) => ["busybox", "tar", "-xf", archive, "-C", folder] },
  { name: "7z", arguments: (archive, folder) => ["7z", "x", "-y", "-bd", `-o${folder}`, archive] },
  {
    name: "Python's tarfile",
    arguments: (archive) => ["python3", script("read_archive.py"), "tar", archive],
    prints: true,
  },
  {
    name: "Python's tarfile from a pipe",
    arguments: () => ["python3", script("read_archive.py"), "tar", "-"],
    prints: true,
    isPiped: true,
  },
];

const toReader = (command: Command): Reader => ({ name: command.name, read: (path) => readWith(command, path) });

export const zipReaders: readonly Reader[] = [...zipCommands, ...javaCommands].map(toReader);
export const tarReaders: readonly Reader[] = tarCommands.map(toReader);

async function readWith(command: Command, archive: string): Promise<Contents> {
  const folder = await mkdtemp(join(tmpdir(), "read-"));
  try {
    const [program = "", ...rest] = command.arguments(archive, folder);
    const { code, output, errors } = await run(program, rest, command.isPiped ? archive : undefined);
    const contents = command.prints ? printed(output) : await extracted(folder);
    const isEmpty = Object.keys(contents).length === 0;
    if (code !== 0 && !(isEmpty && code === command.emptyCode)) throw new Error(`${command.name}: ${code} ${errors}`);
    return contents;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs a program to its end. `input` is the path of a file that it gets through a pipe. */
export async function run(
  program: string,
  args: readonly string[],
  input?: string,
): Promise<{ code: number | null; output: string; errors: string }> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, LC_ALL: "C.UTF-8" } });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const ended = new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject));
  if (input === undefined) child.stdin.end();
  // A reader may have seen enough before the end.
  else await pipeline(createReadStream(input), child.stdin).catch(() => undefined);
  return { code: await ended, output, errors };
}

function printed(output: string): Contents {
  const lines = output.split("\n").filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => [line.slice(65), line.slice(0, 64)]));
}

async function extracted(folder: string): Promise<Contents> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const pairs = files.map(async (file) => [relative(folder, file), sha256(await readFile(file))] as const);
  return Object.fromEntries(await Promise.all(pairs));
}
