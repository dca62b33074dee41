import { meanings } from "./fields.js";
import { element } from "./format.js";
import { attempt } from "./speech.js";

const dock = document.getElementById("dock");
const wire = document.getElementById("wire");
const list = document.getElementById("wire-list");
const detail = document.getElementById("wire-detail");
const most = 8;

/** The exchanges that are shown, by number. */
const shown = new Map();
let selected;

/** Shows the requests that this browser makes, with the answers that the server sent. */
export function watchTheWire() {
  new EventSource("/exchanges").addEventListener("message", ({ data }) => show(JSON.parse(data)));
  document.getElementById("close-wire").addEventListener("click", () => {
    wire.hidden = true;
    dock.hidden = document.getElementById("shelf").hidden;
  });
}

function show(exchange) {
  const isNew = !shown.has(exchange.id);
  shown.set(exchange.id, exchange);
  if (shown.size > most) shown.delete(shown.keys().next().value);
  if (isNew) selected = exchange.id;
  dock.hidden = wire.hidden = false;
  draw();
}

function draw() {
  list.replaceChildren(...Array.from(shown.values()).toReversed().map(chip));
  const exchange = shown.get(selected);
  if (exchange) detail.replaceChildren(buttonsOf(exchange), requestOf(exchange), answerOf(exchange));
}

function chip({ id, method, url, status, ended }) {
  const text = `${method} ${new URL(url, location).pathname}`;
  const state = element("span", { className: `status ${kindOf(status)}` }, ended === "cut" ? `${status}, cut` : status);
  const button = element("button", { className: "chip", title: url }, element("bdi", {}, text), " ", state);
  button.setAttribute("aria-pressed", String(id === selected));
  button.addEventListener("click", () => {
    selected = id;
    draw();
    list.querySelector('[aria-pressed="true"]')?.focus();
  });
  return button;
}

function requestOf({ method, url, request }) {
  return part("Request", `${method} ${url}`, request);
}

function answerOf({ status, reason, response, ended }) {
  const note = { whole: "", cut: " · the client left before its end" }[ended] ?? " · on its way";
  return part("Answer", `${status} ${reason}${note}`, response, kindOf(status));
}

function part(title, line, fields, kind = "") {
  const first = element("p", { className: `line ${kind}` }, element("code", {}, line));
  const rows = fields.map(([name, value]) => fieldRow(name, value));
  return element("div", { className: "part" }, element("h3", {}, title), first, element("dl", {}, ...rows));
}

/** A field. Its meaning is shown on hover, and on a press for those who do not hover. */
function fieldRow(name, value) {
  const meaning = meanings[name.toLowerCase()];
  if (!meaning) return element("div", {}, element("dt", {}, name), element("dd", {}, value));
  const button = element("button", { className: "field", title: meaning }, name);
  const explained = element("p", { className: "meaning", hidden: true }, meaning);
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    explained.hidden = !explained.hidden;
    button.setAttribute("aria-expanded", String(!explained.hidden));
  });
  return element("div", {}, element("dt", {}, button), element("dd", {}, value, explained));
}

function buttonsOf(exchange) {
  const { method, url, response } = exchange;
  const buttons = [button("Copy as curl", () => navigator.clipboard.writeText(curlOf(exchange)))];
  const etag = response.find(([name]) => name.toLowerCase() === "etag")?.[1];
  if (etag && ["GET", "HEAD"].includes(method)) {
    buttons.unshift(
      button("Ask again", () => fetch(url, { method, headers: { "If-None-Match": etag }, cache: "no-store" })),
    );
  }
  return element("div", { className: "buttons" }, ...buttons);
}

function button(textContent, action) {
  return element("button", { className: "button small", textContent, onclick: () => attempt(action) });
}

/** Shows what was asked as a command line that asks the same. */
function curlOf({ method, url, request }) {
  const how = { GET: "-i", HEAD: "-I" }[method] ?? `-i -X ${method}`;
  const fields = request
    .filter(([name]) => !/^(sec-|accept$)/i.test(name))
    .map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`);
  return ["curl", how, ...fields, quoted(new URL(url, location).href)].join(" ");
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function kindOf(status) {
  return status >= 400 ? "bad" : "good";
}
