import { formatSize } from "./format.js";
import { Transfer } from "./transfer.js";

/** Sends a file as the body of a request. By XMLHttpRequest: `fetch` does not tell how much has been sent. */
export function uploadFile(file, limit) {
  const transfer = new Transfer(file.name);
  if (file.size > limit) {
    transfer.end("failed", `It has ${formatSize(file.size)}; up to ${formatSize(limit)} are taken.`);
    return Promise.resolve();
  }
  const request = new XMLHttpRequest();
  transfer.offer({ Cancel: () => request.abort() });
  request.upload.addEventListener("progress", ({ loaded, total }) =>
    transfer.progress(loaded, total, `${formatSize(loaded)} of ${formatSize(total)} sent`),
  );
  return new Promise((resolve) => {
    request.addEventListener("loadend", () => {
      if (request.status === 201) transfer.end("done", `Uploaded, ${formatSize(file.size)}`);
      else transfer.end("failed", request.status ? `${request.status} ${request.statusText}` : "Not uploaded");
      resolve();
    });
    request.open("POST", `/documents?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(file);
  });
}
