#!/usr/bin/env node
import { run } from "./run.ts";

// The exit code is set and not forced: what was printed into a pipe must get there.
process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
});
