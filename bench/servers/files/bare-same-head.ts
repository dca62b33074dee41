import type { StartServer } from "../../harness/running-server.ts";
import { startBare } from "./bare.ts";

/** The fields that a download has. */
export const downloadFields: readonly string[] = [
  "Content-Type",
  "application/octet-stream",
  "Last-Modified",
  "Tue, 14 Nov 2023 22:13:20 GMT",
  "Accept-Ranges",
  "bytes",
  "Cache-Control",
  "private, no-cache",
  "Content-Disposition",
  'inline; filename="10KiB.bin"',
  "X-Content-Type-Options",
  "nosniff",
];

/** The limit of node:http with the fields that a download has: writing them is a good part of a small response. */
export const start: StartServer = (root) => startBare(root, downloadFields);
