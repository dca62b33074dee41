import { html, type Html } from "./html.ts";
import { kindOf } from "./kinds.ts";
import type { Document } from "./library.ts";
import { sections, serverSections, type Link, type Section } from "./sections.ts";
import { frameworkExamples } from "./frameworks.ts";
import { codeOf, highlighted } from "./source.ts";
import { sources } from "./sources.ts";
import { users, type User } from "./visitors.ts";

export interface PageOptions {
  readonly uploadLimit: number;
  readonly behindNginx: boolean;
  readonly user: User | undefined;
}

/** The one page of the demo: the library, below it the views that serve it, and the servers that can send for them. */
export function libraryPage(documents: readonly Document[], { uploadLimit, behindNginx, user }: PageOptions): string {
  const sample = documents.find(({ slug }) => slug === "greetings") ?? documents[0];
  return layout(
    "A small document library",
    html`<header class="masthead">
        <div class="bar">
          <p class="brand"><img src="/public/favicon.svg" alt="" width="28" height="28" />downloadview</p>
          ${userForm(user)}
        </div>
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
            <label class="from"
              >From
              <select id="source">
                ${Object.entries(sources).map(([value, name]) => html`<option value="${value}">${name}</option>`)}
              </select>
            </label>
            <label class="switch"
              ><input type="checkbox" id="slow-line" checked /><span>Throttle to 2 MB/s</span></label
            >
            <button class="button soft" id="download-selected" disabled>Download selected as ZIP</button>
            <label class="button primary upload">
              Upload<input type="file" id="upload" multiple data-limit="${uploadLimit}" />
            </label>
          </div>
          <div id="documents">${documentTable(documents)}</div>
          ${privacyNote(user)}
          <div class="bar">
            <p class="hint">
              Drop files here, up to ${formatSize(uploadLimit)} each, whatever they are called. They stay on this
              machine.
            </p>
            <button class="button quiet" id="reset">Restore the first documents</button>
          </div>
        </section>
        <h2 class="views-title">In your framework</h2>
        <p class="lead">A view is the same in all of them. Each has one function that mounts it.</p>
        <div class="card view">
          <div class="tabs" role="tablist" aria-label="Frameworks">
            ${frameworkExamples.map(({ framework }, at) => frameworkTab(framework, at))}
          </div>
          ${frameworkExamples.map(({ framework, code }, at) => frameworkPanel(framework, code, at))}
        </div>
        <h2 class="views-title">The views that serve them</h2>
        <p class="lead">
          Each link below is answered by the code beside it. <em>Headers</em> asks with HEAD, which reads no byte of the
          file. The strip at the bottom shows what went over the wire.
        </p>
        <div class="views">${sections(sample?.slug).map((section) => sectionCard(section, "HEAD", true))}</div>
        <h2 class="views-title">Sent by the server in front</h2>
        <p class="lead">${behindNginx ? besideNginx : withoutServer}</p>
        <div class="card probe">
          <div class="bar">
            <h3>What does it cost the application?</h3>
            <button class="button soft" data-action="measure">Measure 20 downloads of 16 MB</button>
          </div>
          <p id="measured" class="hint" role="status">
            ${behindNginx ? "With nginx sending the bytes, and without." : "Run it behind nginx to compare: npm run demo:nginx"}
          </p>
          <div class="bar">
            <h3>Is it set up right?</h3>
            <button class="button soft" data-action="diagnose">Run the doctor</button>
          </div>
          <pre id="diagnosis" tabindex="0" hidden></pre>
        </div>
        <div class="views">
          ${serverSections.map((section) => sectionCard(section, "GET", behindNginx && section.title === "nginx"))}
        </div>
      </main>
      <footer>
        Everything here runs on this machine: Express, an SQLite file by Drizzle, a folder of files. No page of it
        fetches anything from elsewhere.
      </footer>
      <aside id="dock" class="dock" aria-label="Transfers and requests" hidden>
        <section id="shelf" class="shelf" aria-labelledby="shelf-title" hidden>
          <div class="bar">
            <h2 id="shelf-title">Transfers</h2>
            <button class="button quiet small" id="clear-shelf">Clear finished</button>
          </div>
          <div id="transfers"></div>
        </section>
        <section id="wire" class="wire" aria-labelledby="wire-title" hidden>
          <div class="bar">
            <h2 id="wire-title">On the wire</h2>
            <button class="button quiet small" id="close-wire">Close</button>
          </div>
          <div id="wire-list" class="wire-list" role="group" aria-label="The last requests"></div>
          <div id="wire-detail"></div>
        </section>
      </aside>
      <p id="said" class="unseen" role="status"></p>
      <p id="trouble" class="trouble" role="alert" hidden></p>
      <dialog id="preview" class="preview" aria-labelledby="preview-title">
        <div class="bar">
          <h2 id="preview-title"></h2>
          <a class="button quiet" id="preview-open" target="_blank">Open in a tab</a>
          <form method="dialog"><button class="button quiet" aria-label="Close">✕</button></form>
        </div>
        <div id="preview-body" class="preview-body"></div>
        <p id="preview-note" class="hint"></p>
      </dialog>
      <dialog id="share" class="share" aria-labelledby="share-title">
        <div class="bar">
          <h2 id="share-title"></h2>
          <form method="dialog"><button class="button quiet" aria-label="Close">✕</button></form>
        </div>
        <div id="share-code" class="share-code"></div>
        <label class="share-link">Link <input id="share-url" readonly /></label>
        <div class="bar">
          <p id="share-left" class="hint"></p>
          <button class="button soft" id="share-copy">Copy the link</button>
          <a class="button primary" id="share-open">Download with it</a>
        </div>
        <p class="hint">
          The link is signed: everyone who has it may download this document, until it expires or is used up. Change one
          letter of it, and it is a 403.
        </p>
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
    <colgroup>
      <col />
      <col class="type" />
      <col class="size" />
      <col class="date" />
      <col class="actions" />
    </colgroup>
    <thead>
      <tr>
        <th scope="col">Name</th>
        <th scope="col" class="type">Type</th>
        <th scope="col" class="number">Size</th>
        <th scope="col" class="date">Added</th>
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
  const action = (name: string, label: string, looks: string): Html =>
    html`<button class="button ${looks}" data-action="${name}" aria-label="${label} ${filename}">${label}</button>`;
  return html`<tr
    data-slug="${slug}"
    data-name="${filename}"
    data-preview="${kind.preview}"
    data-href="/documents/${slug}"
  >
    <th scope="row">
      <div>
        <input type="checkbox" name="slug" value="${slug}" aria-label="Select ${filename}" />
        <span class="icon ${kind.color}" aria-hidden="true">${kind.badge}</span>
        <a href="/documents/${slug}" title="${filename}"><bdi>${filename}</bdi></a>
      </div>
    </th>
    <td class="type">${kind.type}</td>
    <td class="number size">${formatSize(size)}</td>
    <td class="date"><time datetime="${createdAt.toISOString()}">${dates.format(createdAt)}</time></td>
    <td class="actions">
      ${kind.preview === "none" ? [] : action("preview", "Preview", "")} ${action("download", "Download", "soft")}
      ${action("share", "Share", "quiet")} ${action("headers", "Headers", "quiet")}
      ${action("delete", "Delete", "quiet danger")}
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

/** Where nothing sends the file, `linked` is false: a link would save an empty one. */
function sectionCard({ title, serves, links }: Section, method: Method, linked: boolean): Html {
  return html`<section class="card view">
    <h3>${title}</h3>
    <p>${serves}</p>
    <ul>
      ${links.map((link) => sectionLink(link, method, linked))}
    </ul>
  </section>`;
}

function sectionLink({ route, href, what }: Link, method: Method, linked: boolean): Html {
  const address = html`<code>${href}</code>`;
  return html`<li>
    <div>
      <div class="bar">
        ${linked ? html`<a href="${href}">${address}</a>` : address}
        <button
          class="button quiet small"
          data-action="headers"
          data-href="${href}"
          data-method="${method}"
          aria-label="Headers of ${href}"
        >
          Headers
        </button>
      </div>
      <p class="what">${what}</p>
    </div>
    <div class="code">
      <pre tabindex="0"><code>${highlighted(codeOf(route))}</code></pre>
      <button class="button quiet small" data-action="copy" aria-label="Copy the code of ${href}">Copy</button>
    </div>
  </li>`;
}

function frameworkTab(framework: string, at: number): Html {
  return html`<button
    class="button quiet small"
    role="tab"
    id="tab-${at}"
    aria-controls="panel-${at}"
    aria-selected="${String(at === 0)}"
    tabindex="${at === 0 ? 0 : -1}"
  >
    ${framework}
  </button>`;
}

function frameworkPanel(framework: string, code: string, at: number): Html {
  return html`<div
    class="code"
    role="tabpanel"
    id="panel-${at}"
    aria-labelledby="tab-${at}"
    ${at === 0 ? [] : html`hidden`}
  >
    <pre tabindex="0"><code>${highlighted(code)}</code></pre>
    <button class="button quiet small" data-action="copy" aria-label="Copy the code for ${framework}">Copy</button>
  </div>`;
}

function userForm(user: User | undefined): Html {
  const choice = (value: string, label: string): Html =>
    html`<button class="button small" name="user" value="${value}">${label}</button>`;
  return html`<form class="user" method="post" action="/user">
    ${
      user === undefined
        ? [html`<span>Sign in as</span>`, ...Object.entries(users).map(([value, name]) => choice(value, name))]
        : [html`<span>Signed in as <strong>${users[user]}</strong></span>`, choice("", "Sign out")]
    }
  </form>`;
}

/** For a user, a document of the other one to ask for. */
function privacyNote(user: User | undefined): Html[] {
  if (user === undefined) return [];
  const other = user === "ada" ? "grace" : "ada";
  return [
    html`<p class="hint">
      ${users[other]} has a document that you do not see.
      <button class="button small" data-action="headers" data-href="/documents/note-of-${other}" data-method="GET">
        Ask for it all the same
      </button>
    </p>`,
  ];
}

const dates = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

function formatSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const value = bytes / 1000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}
