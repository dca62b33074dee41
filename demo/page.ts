import { html, type Html } from "./html.ts";
import { kindOf } from "./kinds.ts";
import type { Document } from "./library.ts";
import { sections, serverSections, type Link, type Section } from "./sections.ts";
import { codeOf, highlighted } from "./source.ts";

export interface PageOptions {
  readonly uploadLimit: number;
  readonly behindNginx: boolean;
}

/** The one page of the demo: the library, below it the views that serve it, and the servers that can send for them. */
export function libraryPage(documents: readonly Document[], { uploadLimit, behindNginx }: PageOptions): string {
  const sample = documents.find(({ slug }) => slug === "greetings") ?? documents[0];
  return layout(
    "A small document library",
    html`<header class="masthead">
        <p class="brand"><img src="/public/favicon.svg" alt="" width="28" height="28" />downloadview</p>
        <h1>A small document library</h1>
        <p class="lead">
          Your application decides who may download which file. One line serves it: with the right name and type,
          resumable, seekable, answered with <code>304</code> while unchanged, and safe to look at in place.
        </p>
      </header>
      <main>
        <section class="card library" aria-labelledby="library-title">
          <div class="bar">
            <h2 id="library-title">Documents ${behindNginx ? html`<span class="badge">sent by nginx</span>` : []}</h2>
            <label
              class="switch"
              title="What this list downloads and previews arrives at 2 MB/s, so that there is time to look."
            >
              <input type="checkbox" id="slow-line" checked /><span>Slow line</span>
            </label>
            <button class="button soft" id="download-selected" disabled>Download selected as ZIP</button>
            <label class="button primary upload">
              Upload<input type="file" id="upload" multiple data-limit="${uploadLimit}" />
            </label>
          </div>
          <div id="documents">${documentTable(documents)}</div>
          <p class="hint">
            Drop files here, up to ${formatSize(uploadLimit)} each, whatever they are called. They stay on this machine.
          </p>
        </section>
        <h2 class="views-title">The views that serve them</h2>
        <p class="lead">
          Each link below is answered by the code beside it. <em>Headers</em> asks with HEAD, which reads no byte of the
          file.
        </p>
        <div class="views">${sections(sample?.slug).map((section) => sectionCard(section, "HEAD"))}</div>
        <h2 class="views-title">Sent by the server in front</h2>
        <p class="lead">${behindNginx ? besideNginx : withoutServer}</p>
        <div class="views">${serverSections.map((section) => sectionCard(section, "GET"))}</div>
      </main>
      <footer>
        Everything here runs on this machine: Express, an SQLite file by Drizzle, a folder of files. No page of it
        fetches anything from elsewhere.
      </footer>
      <section id="shelf" class="shelf" aria-label="Transfers" aria-live="polite"></section>
      <dialog id="preview" class="preview" aria-labelledby="preview-title">
        <div class="bar">
          <h2 id="preview-title"></h2>
          <a class="button quiet" id="preview-open" target="_blank">Open in a tab</a>
          <form method="dialog"><button class="button quiet" aria-label="Close">✕</button></form>
        </div>
        <div id="preview-body" class="preview-body"></div>
        <p id="preview-note" class="hint"></p>
      </dialog>
      <dialog id="headers" class="headers" aria-labelledby="headers-title">
        <div class="bar">
          <h2 id="headers-title"></h2>
          <form method="dialog"><button class="button quiet" aria-label="Close">✕</button></form>
        </div>
        <dl id="headers-list"></dl>
      </dialog>
      <script type="module" src="/public/main.js"></script>`,
  );
}

/** What is not there, or went wrong. It says no more than its status does. */
export function errorPage(status: number, reason: string): string {
  return layout(
    reason,
    html`<main class="error">
      <p class="status">${status}</p>
      <h1>${reason}</h1>
      <p><a class="button primary" href="/">To the library</a></p>
    </main>`,
  );
}

function layout(title: string, body: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · downloadview</title>
        <link rel="icon" href="/public/favicon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/public/style.css" />
      </head>
      <body>
        ${body}
      </body>
    </html>`.text;
}

function documentTable(documents: readonly Document[]): Html {
  if (documents.length === 0) return html`<p class="empty">The library is empty. Drop a file here.</p>`;
  return html`<table class="documents">
    <thead>
      <tr>
        <th scope="col">Name</th>
        <th scope="col">Type</th>
        <th scope="col" class="number">Size</th>
        <th scope="col">Added</th>
        <th scope="col"><span class="unseen">Actions</span></th>
      </tr>
    </thead>
    <tbody>
      ${documents.map(documentRow)}
    </tbody>
  </table>`;
}

function documentRow({ slug, filename, size, createdAt }: Document): Html {
  const kind = kindOf(filename);
  return html`<tr data-slug="${slug}" data-name="${filename}" data-preview="${kind.preview}">
    <th scope="row">
      <div>
        <input type="checkbox" name="slug" value="${slug}" aria-label="Select ${filename}" />
        <span class="icon ${kind.color}" aria-hidden="true">${kind.badge}</span>
        <a href="/documents/${slug}"><bdi>${filename}</bdi></a>
      </div>
    </th>
    <td class="type">${kind.type}</td>
    <td class="number size">${formatSize(size)}</td>
    <td class="date"><time datetime="${createdAt.toISOString()}">${dates.format(createdAt)}</time></td>
    <td class="actions">
      ${kind.preview === "none" ? [] : html`<button class="button" data-action="preview">Preview</button>`}
      <button class="button soft" data-action="download">Download</button>
      <button class="button quiet" data-action="headers" data-href="/documents/${slug}">Headers</button>
      <button class="button quiet danger" data-action="delete" aria-label="Delete ${filename}">Delete</button>
    </td>
  </tr>`;
}

/** To HEAD the application answers itself, so that what is meant for a server shows with GET alone. */
type Method = "HEAD" | "GET";

const withoutServer = html`Here the application decides, and a server sends: the answer has no content, but a field that
  names the file. Nothing stands in front of this demo now, so the field reaches you and the file does not: look at the
  <em>headers</em>. <code>npm run demo:nginx</code> puts an nginx there, which sends the documents above as well.`;

const besideNginx = html`nginx stands in front of this demo. It takes <code>X-Accel-Redirect</code> for itself and sends
  the file: the pages of nginx below, and all that is on this machine's disk above. <code>X-Sendfile</code> is not for
  it: what Apache and lighttpd would act upon reaches you as it is.`;

function sectionCard({ title, serves, links }: Section, method: Method): Html {
  return html`<section class="card view">
    <h3>${title}</h3>
    <p>${serves}</p>
    <ul>
      ${links.map((link) => sectionLink(link, method))}
    </ul>
  </section>`;
}

function sectionLink({ route, href, what }: Link, method: Method): Html {
  return html`<li>
    <div>
      <div class="bar">
        <a href="${href}"><code>${href}</code></a>
        <button class="button quiet small" data-action="headers" data-href="${href}" data-method="${method}">
          Headers
        </button>
      </div>
      <p class="what">${what}</p>
    </div>
    <pre><code>${highlighted(codeOf(route))}</code></pre>
  </li>`;
}

const dates = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

function formatSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const value = bytes / 1000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}
