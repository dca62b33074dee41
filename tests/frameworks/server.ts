/** What the servers that have a disk share. */
import { PathDownloadView, type DownloadHandler } from "downloadview";

const { FILES = "/nonexistent", UPSTREAM = "http://127.0.0.1:9" } = process.env;

export const root: string = FILES;
export const upstream: string = UPSTREAM;

export function files<C>({ attachment }: { attachment: boolean }): DownloadHandler<C> {
  return PathDownloadView.asView({ root, attachment, precompressed: ["gzip"] }) as DownloadHandler<C>;
}

/** Tells the suite where to connect. */
export function announce(port: number): void {
  console.log(`listening on ${port}`);
}

/** The requests that the application's own logging saw: `GET /files/hello.txt 200`. */
export const log: string[] = [];
