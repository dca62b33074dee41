import { element, formatSize } from "./format.js";
import { errorOf } from "./speech.js";

const dialog = document.getElementById("preview");
const title = document.getElementById("preview-title");
const body = document.getElementById("preview-body");
const note = document.getElementById("preview-note");
const openLink = document.getElementById("preview-open");

// A video that nobody looks at any more shall not go on to load and to play.
dialog.addEventListener("close", () => body.replaceChildren());

/** Shows a document in place, by the view that serves it inline. */
export async function showPreview({ name, preview }, url) {
  title.textContent = name;
  openLink.href = url;
  note.textContent = "";
  body.replaceChildren();
  dialog.showModal();
  const viewer = await viewerOf(preview, url, name);
  // By now another document may be looked at.
  if (openLink.getAttribute("href") === url) body.replaceChildren(viewer);
}

/** The viewer, or what the server said of a document that it does not serve. */
async function viewerOf(preview, url, name) {
  try {
    const response = await fetch(url, { method: "HEAD", cache: "no-store" });
    if (!response.ok) throw response.status === 404 ? new Error("This document is gone.") : await errorOf(response);
    return await viewers[preview](url, name);
  } catch (error) {
    const text = error instanceof TypeError ? "The server does not answer. Is it running?" : error.message;
    return element("p", { className: "empty" }, text);
  }
}

const viewers = {
  image: (url, name) => element("img", { src: url, alt: name }),
  audio: (url) => element("audio", { src: url, controls: true }),
  video(url) {
    note.textContent = "Jump ahead: the browser asks for the range of bytes it needs, and gets a 206.";
    return element("video", { src: url, controls: true, preload: "metadata" });
  },
  frame: (url, name) => element("iframe", { src: url, title: name }),
  sandbox(url, name) {
    note.textContent =
      "Whatever script its author put into it, the Content-Security-Policy of the response lets none run.";
    const frame = element("iframe", { title: name });
    frame.setAttribute("sandbox", "");
    frame.src = url;
    return frame;
  },
  text: showText,
};

/** The beginning of a text, which is all that is fetched of it. */
async function showText(url) {
  const response = await fetch(url, { headers: { Range: "bytes=0-8191" }, cache: "no-store" });
  // An empty file has no range.
  if (!response.ok && response.status !== 416) throw await errorOf(response);
  const bytes = response.ok ? await response.arrayBuffer() : new ArrayBuffer(0);
  const [, size] = /\/(\d+)$/.exec(response.headers.get("Content-Range")) ?? [];
  if (Number(size) > bytes.byteLength) {
    note.textContent = `The first ${formatSize(bytes.byteLength)} of ${formatSize(size)}: a range, answered with ${response.status}.`;
  }
  // The range may end inside a character: as part of a stream, that one is left out.
  const text = element("pre", { tabIndex: 0 }, new TextDecoder().decode(bytes, { stream: true }));
  return bytes.byteLength === 0 ? element("p", { className: "empty" }, "The file is empty.") : text;
}
