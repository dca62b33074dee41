import { formatSize } from "./format.js";
import { Transfer } from "./transfer.js";

/** Sends a file as the body of a request. By XMLHttpRequest: `fetch` does not tell how much has been sent. */
export function uploadFile(file, limit) {
  const request = new XMLHttpRequest();
  const transfer = new Transfer(visible(file.name), { cancel: () => request.abort() });
  if (file.size > limit) {
    transfer.enter("failed", `Too large: ${formatSize(file.size)} (limit ${formatSize(limit)})`);
    return Promise.resolve();
  }
  request.upload.addEventListener("progress", ({ loaded, total }) =>
    transfer.progress(loaded, total, `${formatSize(loaded)} of ${formatSize(total)} sent`),
  );
  return new Promise((resolve) => {
    request.addEventListener("loadend", () => {
      const { filename, error } = answerOf(request);
      if (request.status === 201) {
        transfer.rename(filename);
        transfer.enter("done", `Uploaded, ${formatSize(file.size)}`);
      } else transfer.enter("failed", error ?? "Not uploaded: the server does not answer, or the upload was cancelled");
      resolve();
    });
    request.open("POST", `/documents?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Accept", "application/json");
    request.send(file);
  });
}

/** A right-to-left override makes `annexe[RLO]txt.exe` look like a text. It is shown as the server will keep it. */
function visible(name) {
  return name.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, "");
}

function answerOf({ status, statusText, responseText }) {
  if (status === 0) return {};
  try {
    return JSON.parse(responseText);
  } catch {
    return { error: `${status} ${statusText}` };
  }
}
