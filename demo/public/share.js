import { attempt, errorOf } from "./speech.js";

const dialog = document.getElementById("share");
const title = document.getElementById("share-title");
const code = document.getElementById("share-code");
const url = document.getElementById("share-url");
const left = document.getElementById("share-left");
const open = document.getElementById("share-open");

let watching;
dialog.addEventListener("close", () => clearInterval(watching));
document
  .getElementById("share-copy")
  .addEventListener("click", () => attempt(() => navigator.clipboard.writeText(url.value)));

/** Makes a link to a document, and shows how long and how often it still works. */
export async function showShare({ slug, name }) {
  const headers = { Accept: "application/json" };
  const response = await fetch(`/documents/${slug}/share`, { method: "POST", headers });
  if (!response.ok) throw await errorOf(response);
  const share = await response.json();
  title.textContent = `Share ${name}`;
  url.value = open.href = share.url;
  code.replaceChildren(drawing(share.qr));
  await update(share);
  clearInterval(watching);
  watching = setInterval(() => void update(share).catch(() => {}), 1000);
  dialog.showModal();
}

async function update({ share, limit, expiresAt }) {
  const seconds = Math.max(0, Math.round((expiresAt - Date.now()) / 1000));
  const { left: uses } = await (await fetch(`/shares/${share}`)).json();
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  left.textContent = seconds === 0 ? "Expired" : `${uses} of ${limit} downloads left · expires in ${time}`;
}

function drawing(svg) {
  const { documentElement } = new DOMParser().parseFromString(svg, "image/svg+xml");
  documentElement.setAttribute("role", "img");
  documentElement.setAttribute("aria-label", "The link as a QR code");
  return documentElement;
}
