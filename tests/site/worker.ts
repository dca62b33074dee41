/** `wrangler dev --port PORT` without its tools: bundles the worker of this folder as wrangler does, and runs it in workerd. */
import { readFileSync } from "node:fs";
import { runWorker } from "../frameworks/workerd.ts";

const { main }: { main: string } = JSON.parse(readFileSync("wrangler.json", "utf8"));
await runWorker(main, Number(process.argv.at(-1)));
