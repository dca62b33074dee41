import { Download } from "./download.js";
import { showHeaders } from "./headers.js";
import { showPreview } from "./preview.js";
import { uploadFile } from "./upload.js";

const slowLine = document.getElementById("slow-line");
const documents = document.getElementById("documents");
const library = documents.closest(".library");
const upload = document.getElementById("upload");

/** What the buttons do: each says by `data-action` which of these it is. */
const actions = {
  headers: ({ dataset }) => showHeaders(dataset.href, dataset.method),
  preview: (_button, entry) => showPreview(entry, lineQuery()),
  download: (_button, { slug, name }) => new Download(() => `/documents/${slug}${lineQuery()}`, name).start(),
  delete: (_button, entry) => removeDocument(entry),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button) actions[button.dataset.action](button, button.closest("tr")?.dataset);
});

const downloadSelected = document.getElementById("download-selected");

const selected = () => Array.from(documents.querySelectorAll("input:checked"), ({ value }) => ["slug", value]);

documents.addEventListener("change", () => (downloadSelected.disabled = selected().length === 0));

// The POST is redirected to a URL that stands for the selection. That one resumes, as any other file does.
downloadSelected.addEventListener("click", async () => {
  const response = await fetch("/selections", { method: "POST", body: new URLSearchParams(selected()) });
  await response.body?.cancel();
  if (response.ok) await new Download(() => response.url + lineQuery(), "Selected documents.zip").start();
  else alert(`It could not be downloaded: ${response.status} ${response.statusText}`);
});

function lineQuery() {
  return slowLine.checked ? "?line=slow" : "";
}

async function removeDocument({ slug, name }) {
  if (!confirm(`Delete “${name}”?`)) return;
  const response = await fetch(`/documents/${slug}`, { method: "DELETE" });
  if (response.ok || response.status === 404) await refreshDocuments();
  else alert(`It could not be deleted: ${response.status} ${response.statusText}`);
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
}

upload.addEventListener("change", async () => {
  await addDocuments(upload.files);
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
  void addDocuments(event.dataTransfer.files);
});
