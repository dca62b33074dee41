import { Download } from "./download.js";
import { showPreview } from "./preview.js";
import { showShare } from "./share.js";
import { attempt, errorOf, say } from "./speech.js";
import { diagnose, measure } from "./server.js";
import { operateTabs } from "./tabs.js";
import { uploadFile } from "./upload.js";
import { watchTheWire } from "./wire.js";

watchTheWire();
for (const list of document.querySelectorAll('[role="tablist"]')) operateTabs(list);

const slowLine = document.getElementById("slow-line");
const source = document.getElementById("source");
const documents = document.getElementById("documents");
const library = documents.closest(".library");
const upload = document.getElementById("upload");

/** The downloads of the list, by slug: a row's button is that of its download. */
const downloads = new Map();

/** What the buttons do: each says by `data-action` which of these it is. */
const actions = {
  headers: ({ dataset }, entry) => askFor(dataset.href ?? hrefOf(entry.slug), dataset.method ?? "HEAD"),
  preview: (_button, entry) => showPreview(entry, `/previews/${entry.slug}${lineQuery()}`),
  download: (_button, entry) => toggleDownload(entry),
  delete: (button, entry) => removeDocument(entry, button.closest("tr")),
  share: (_button, entry) => showShare(entry),
  copy: (button) => copy(button),
  measure: (button) => measure(button),
  diagnose: (button) => diagnose(button),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button) void attempt(() => actions[button.dataset.action](button, button.closest("tr")?.dataset));
});

/** HEAD tells all that is known of a file without reading it. The answer is shown at the bottom of the page. */
async function askFor(url, method) {
  const response = await fetch(url, { method, cache: "no-store" });
  await response.body?.cancel();
  say(`${method} ${url}: ${response.status} ${response.statusText}`);
}

function toggleDownload({ slug, name }) {
  const running = downloads.get(slug);
  if (running && running.state !== "done") return running.toggle();
  const download = new Download(
    () => hrefOf(slug),
    name,
    () => labelRow(slug),
  );
  downloads.set(slug, download);
  return download.start();
}

const rowLabels = { running: "Pause", paused: "Resume", failed: "Try again" };

/** The row's button is the one that has the focus: it pauses and resumes, so that nobody has to look for another. */
function labelRow(slug) {
  const row = documents.querySelector(`tr[data-slug="${CSS.escape(slug)}"]`);
  const button = row?.querySelector('[data-action="download"]');
  if (!button) return;
  const label = rowLabels[downloads.get(slug)?.state] ?? "Download";
  button.textContent = label;
  button.setAttribute("aria-label", `${label} ${row.dataset.name}`);
}

const downloadSelected = document.getElementById("download-selected");

const selected = () => Array.from(documents.querySelectorAll("input:checked"), ({ value }) => ["slug", value]);

documents.addEventListener("change", () => (downloadSelected.disabled = selected().length === 0));

// The POST is redirected to a URL that stands for the selection. That one resumes, as any other file does.
downloadSelected.addEventListener("click", () =>
  attempt(async () => {
    const response = await fetch("/selections", { method: "POST", body: new URLSearchParams(selected()) });
    if (!response.ok) throw await errorOf(response);
    await response.body?.cancel();
    await new Download(() => response.url + lineQuery(), "Selected documents.zip").start();
  }),
);

/** A document from where the page says: the disk serves it under its own URL. */
function hrefOf(slug) {
  const from = source.value === "disk" ? "/documents" : `/from/${source.value}`;
  return `${from}/${slug}${lineQuery()}`;
}

function lineQuery() {
  return slowLine.checked ? "?line=slow" : "";
}

async function removeDocument({ slug, name }, row) {
  if (!confirm(`Delete “${name}”?`)) return;
  const headers = { Accept: "application/json" };
  const response = await fetch(`/documents/${slug}`, { method: "DELETE", headers });
  if (!response.ok && response.status !== 404) throw await errorOf(response);
  const next = row.nextElementSibling ?? row.previousElementSibling;
  const slugOfNext = next?.dataset.slug ?? "";
  await refreshDocuments();
  say(`Deleted ${name}`);
  const following = documents.querySelector(`tr[data-slug="${CSS.escape(slugOfNext)}"] [data-action="delete"]`);
  (following ?? upload).focus();
}

async function addDocuments(files) {
  await Promise.all(Array.from(files, (file) => uploadFile(file, Number(upload.dataset.limit))));
  await refreshDocuments();
}

/** The server makes the list; this takes it over, so that transfers under way go on. */
async function refreshDocuments() {
  const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
  documents.replaceChildren(...page.getElementById("documents").childNodes);
  downloadSelected.disabled = true;
  for (const slug of downloads.keys()) labelRow(slug);
}

document.getElementById("reset").addEventListener("click", () =>
  attempt(async () => {
    if (!confirm("Restore the documents that were there at first? What was uploaded is deleted.")) return;
    const response = await fetch("/reset", { method: "POST" });
    if (!response.ok) throw await errorOf(response);
    await refreshDocuments();
    say("Restored the first documents");
  }),
);

async function copy(button) {
  await navigator.clipboard.writeText(button.closest(".code").querySelector("pre").textContent);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

upload.addEventListener("change", async () => {
  await attempt(() => addDocuments(upload.files));
  upload.value = "";
});

library.addEventListener("dragover", (event) => {
  event.preventDefault();
  library.classList.add("receiving");
});
for (const leaving of ["dragleave", "drop"]) {
  library.addEventListener(leaving, () => library.classList.remove("receiving"));
}
library.addEventListener("drop", (event) => {
  event.preventDefault();
  void attempt(() => addDocuments(event.dataTransfer.files));
});
