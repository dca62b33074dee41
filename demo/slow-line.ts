import type { DownloadMiddleware } from "downloadview";

const bytesPerSecond = 2_000_000;

/** Middleware that changes a response: with `?line=slow` it arrives as over a slow line, whoever sends it. */
export const slowLine: DownloadMiddleware = (response, request) => {
  const { searchParams } = new URL(request.url, "http://localhost");
  if (searchParams.get("line") === "slow") response.limitRate = bytesPerSecond;
  return response;
};
