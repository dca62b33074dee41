/** What an application must say at the least, so that nginx sends a file in its place. */
export const OFFLOAD_HEADERS: Readonly<Record<string, string>> = {
  "X-Accel-Redirect": "/internal/10KiB.bin",
  "Content-Type": "application/octet-stream",
  "Content-Disposition": 'attachment; filename="10KiB.bin"',
};
