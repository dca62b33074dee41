import { element } from "./format.js";

const dialog = document.getElementById("headers");
const title = document.getElementById("headers-title");
const list = document.getElementById("headers-list");

/** Shows what a link answers to HEAD, which is all that is known of a file without reading it, or to another method. */
export async function showHeaders(url, method = "HEAD") {
  const response = await fetch(url, { method, cache: "no-store" });
  await response.body?.cancel();
  title.replaceChildren(
    element("code", {}, `${method} ${url}`),
    element("span", { className: "status" }, `${response.status} ${response.statusText}`),
  );
  list.replaceChildren(
    ...Array.from(response.headers, ([name, value]) =>
      element("div", {}, element("dt", {}, fieldName(name)), element("dd", {}, value)),
    ),
  );
  dialog.showModal();
}

/** `fetch` gives names in lower case; they are easier to read as everybody writes them. */
function fieldName(name) {
  return name === "etag" ? "ETag" : name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
}
