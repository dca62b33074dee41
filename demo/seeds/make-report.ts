/** Sets `how-a-download-travels.pdf`: `npx tsx demo/seeds/make-report.ts`. Two pages of PDF 1.4, written by hand. */
import { writeFile } from "node:fs/promises";
import { deflateSync } from "node:zlib";

const page = { width: 595, height: 842, margin: 64 };
const ink = "0.12 0.13 0.22";
const accent = "0.36 0.31 0.78";
const pale = "0.93 0.92 0.99";
const boxWidth = 290;

interface TextStyle {
  font?: "Regular" | "Bold" | "Mono";
  size?: number;
  color?: string;
}

function text(
  x: number,
  y: number,
  words: string,
  { font = "Regular", size = 11, color = ink }: TextStyle = {},
): string {
  const escaped = words.replace(/[\\()]/g, "\\$&");
  return `BT /${font} ${size} Tf ${color} rg ${x} ${y} Td (${escaped}) Tj ET`;
}

function lines(x: number, y: number, words: readonly string[], style: TextStyle = {}): string {
  return words.map((line, index) => text(x, y - index * 16, line, style)).join("\n");
}

function box(x: number, y: number, title: string, what: string): string {
  return [
    `${pale} rg ${accent} RG 1.2 w ${x} ${y} ${boxWidth} 52 re B`,
    text(x + 14, y + 30, title, { font: "Bold", size: 12, color: accent }),
    text(x + 14, y + 14, what, { size: 9 }),
  ].join("\n");
}

function arrow(x: number, y: number, label: string): string {
  return [
    `${accent} RG ${accent} rg 1.2 w ${x} ${y} m ${x} ${y - 30} l S`,
    `${x - 4} ${y - 28} m ${x + 4} ${y - 28} l ${x} ${y - 36} l f`,
    text(x + 12, y - 22, label, { font: "Mono", size: 9 }),
  ].join("\n");
}

function heading(title: string): string {
  return [
    `${accent} rg 0 ${page.height - 130} ${page.width} 130 re f`,
    text(page.margin, page.height - 76, title, { font: "Bold", size: 26, color: "1 1 1" }),
    text(page.margin, page.height - 102, "A seed of the downloadview demo", { size: 12, color: "0.86 0.84 1" }),
  ].join("\n");
}

const stations: readonly (readonly [title: string, what: string, leaves: string])[] = [
  ["Request", "a method, a URL, preconditions, a range", "getFile()"],
  ["View", "decides which file, and under which name", "downloadResponse()"],
  ["DownloadFile", "a description: nothing is opened yet", "middleware"],
  ["DownloadResponse", "the file, the options, the header fields", "render(request)"],
  ["decide()", "200, 206, 304, 412 or 416", "adapter"],
  ["The client", "gets the bytes that it asked for, and no others", ""],
];

const journey = [
  heading("How a download travels"),
  lines(page.margin, page.height - 170, [
    "A view answers a request with a file. Up to the last moment nothing is read: a middleware may",
    "still look at the response, change it, or let a proxy send the bytes in its place.",
  ]),
  ...stations.map(([title, what, leaves], index) => {
    const y = page.height - 280 - index * 88;
    return box((page.width - boxWidth) / 2, y, title, what) + (leaves ? `\n${arrow(page.width / 2, y, leaves)}` : "");
  }),
].join("\n");

const answers: readonly (readonly [status: string, when: string])[] = [
  ["200 OK", "The whole file, with its length and its validators."],
  ["206 Partial Content", "A video seeks, a broken download goes on: only the bytes asked for."],
  ["304 Not Modified", "The client has this very version already."],
  ["404 Not Found", "Whatever the reason is, it looks the same from outside."],
  ["412 Precondition Failed", "The file is no longer the one that the client means."],
  ["416 Range Not Satisfiable", "The range begins after the end."],
];

const legend = [
  heading("What it may come back with"),
  ...answers.map(([status, when], index) => {
    const y = page.height - 190 - index * 56;
    return `${text(page.margin, y, status, { font: "Mono", size: 13, color: accent })}\n${text(page.margin, y - 18, when)}`;
  }),
].join("\n");

function stream(content: string): string {
  const packed = deflateSync(Buffer.from(content, "latin1")).toString("latin1");
  return `<< /Length ${packed.length} /Filter /FlateDecode >>\nstream\n${packed}\nendstream`;
}

function font(name: string): string {
  return `<< /Type /Font /Subtype /Type1 /BaseFont /${name} /Encoding /WinAnsiEncoding >>`;
}

const fonts = "<< /Font << /Regular 3 0 R /Bold 4 0 R /Mono 5 0 R >> >>";

/** Objects 1 to 5 are the catalog, the tree of pages and the fonts; then each page is followed by its content. */
function pdf(title: string, contents: readonly string[]): Buffer {
  const pages = contents.map((_, index) => `${6 + index * 2} 0 R`).join(" ");
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Kids [${pages}] /Count ${contents.length} /MediaBox [0 0 ${page.width} ${page.height}] >>`,
    font("Helvetica"),
    font("Helvetica-Bold"),
    font("Courier"),
    ...contents.flatMap((content, index) => [
      `<< /Type /Page /Parent 2 0 R /Resources ${fonts} /Contents ${7 + index * 2} 0 R >>`,
      stream(content),
    ]),
    `<< /Title (${title}) >>`,
  ];
  return assemble(objects);
}

/** The file's cross-reference table says at which byte each object begins (ISO 32000-1 §7.5.4). */
function assemble(objects: readonly string[]): Buffer {
  let body = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n";
  const offsets = objects.map((object, index) => {
    const offset = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const count = objects.length + 1;
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const trailer = `<< /Size ${count} /Root 1 0 R /Info ${objects.length} 0 R >>`;
  const end = `xref\n0 ${count}\n0000000000 65535 f \n${table}trailer\n${trailer}\nstartxref\n${body.length}\n%%EOF\n`;
  return Buffer.from(body + end, "latin1");
}

await writeFile(
  new URL("how-a-download-travels.pdf", import.meta.url),
  pdf("How a download travels", [journey, legend]),
);
