import { parseArgs } from "node:util";
import { KeptFiles } from "../kept/index.ts";
import type { KeptKey } from "../kept/key.ts";
import { parseDuration, exitCode, UsageError, type CommandIO } from "./signing-options.ts";

export const keptHelp: string = `downloadview kept list|drop|sweep FOLDER [options]

Works on the folder of kept files of an application, while the application runs.

  list                 prints each file: bytes, time made, time used, key (as JSON)
  drop                 drops the file of --key, or all files with --all
  sweep                drops what the limits leave no room for, and removes what crashes have left

  --key JSON           the key of a file: '["report",7]'
  --all                all files
  --max-bytes BYTES    for sweep. Default: no limit
  --min-free BYTES     for sweep: what the file system must have free. Default 0
  --max-age DURATION   for sweep: drops what was not used for so long: 12h, 7d
`;

/** `downloadview kept`. Returns the exit code: 0, 1 if there is no file of the key, 2 for arguments that can't be used. */
export function runKept(args: readonly string[], io: CommandIO): Promise<number> {
  return exitCode(io, "kept", async () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        all: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        key: { type: "string" },
        "max-age": { type: "string" },
        "max-bytes": { type: "string" },
        "min-free": { type: "string" },
      },
    });
    if (values.help) {
      io.stdout(keptHelp);
      return 0;
    }
    const [action, folder, ...rest] = positionals;
    if (action === undefined || folder === undefined || rest.length > 0) {
      throw new UsageError("Say what to do and in which folder: downloadview kept list /var/cache/app");
    }
    const kept = new KeptFiles({
      folder,
      maxBytes: bytes("--max-bytes", values["max-bytes"]) ?? Number.MAX_SAFE_INTEGER,
      minFreeBytes: bytes("--min-free", values["min-free"]),
      maxAge: duration(values["max-age"]),
    });
    try {
      if (action === "list") return await list(kept, io);
      if (action === "drop") return await drop(kept, io, values.all === true ? "all" : keyOf(values.key));
      if (action === "sweep") return await sweep(kept, io);
      throw new UsageError(`There is no kept ${action}. Say list, drop or sweep`);
    } finally {
      await kept.close();
    }
  });
}

async function list(kept: KeptFiles, io: CommandIO): Promise<number> {
  for await (const { key, size, madeAt, usedAt } of kept.list()) {
    io.stdout(`${size}\t${madeAt.toISOString()}\t${usedAt.toISOString()}\t${JSON.stringify(key)}\n`);
  }
  return 0;
}

async function drop(kept: KeptFiles, io: CommandIO, key: KeptKey | "all"): Promise<number> {
  if (key === "all") {
    await kept.clear();
    return 0;
  }
  if (await kept.delete(key)) return 0;
  io.stderr("downloadview kept drop: no file is kept under this key\n");
  return 1;
}

async function sweep(kept: KeptFiles, io: CommandIO): Promise<number> {
  const { files, bytes: total, evicted, removed } = await kept.sweep();
  io.stdout(`${files} files with ${total} bytes are kept. Dropped: ${evicted}. Removed from the disk: ${removed}\n`);
  return 0;
}

function keyOf(text: string | undefined): KeptKey {
  if (text === undefined) throw new UsageError(`Say which file: --key '["report",7]', or --all`);
  try {
    return JSON.parse(text) as KeptKey;
  } catch {
    throw new UsageError(`--key must be JSON, such as '["report",7]' (got ${text})`);
  }
}

function bytes(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`${name} must be a number of bytes, got ${text}`);
}

function duration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = parseDuration(text);
  if (seconds === undefined) throw new UsageError(`Not a duration: ${text}. Say 15m, 12h or 7d`);
  return seconds;
}
