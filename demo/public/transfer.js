import { element } from "./format.js";
import { say } from "./speech.js";

const dock = document.getElementById("dock");
const shelf = document.getElementById("shelf");
const list = document.getElementById("transfers");

document.getElementById("clear-shelf").addEventListener("click", () => {
  for (const card of list.querySelectorAll('[data-state="done"], [data-state="failed"]')) card.remove();
  showOrHide();
});

function showOrHide() {
  shelf.hidden = list.childElementCount === 0;
  dock.hidden = shelf.hidden && document.getElementById("wire").hidden;
}

/** The main button in each state: its label. A state without one has none. */
const labels = { running: "Pause", paused: "Resume", failed: "Try again" };

/**
 * One line of the shelf: what is on its way, how far it is, and what can be done about it. The two buttons stay the same
 * elements in all states, so that whoever is on one stays there.
 */
export class Transfer {
  #bar = element("progress");
  #note = element("p", { className: "note" });
  #main = element("button", { className: "button small" });
  #cut = element("button", { className: "button small", textContent: "Cut the line", hidden: true });
  #end = element("button", { className: "button small", textContent: "Cancel" });
  #title = element("bdi");
  #card;
  #name;

  /**
   * @param {string} name
   * @param {{ toggle?: () => void, cut?: () => void, cancel: () => void }} actions Without `toggle` it cannot be paused
   */
  constructor(name, { toggle, cut, cancel }) {
    const buttons = element("div", { className: "buttons" }, this.#main, this.#cut, this.#end);
    const title = element("p", { className: "name" }, this.#title);
    this.#card = element("article", { className: "transfer" }, title, this.#bar, this.#note, buttons);
    this.#main.hidden = toggle === undefined;
    this.#main.addEventListener("click", () => toggle?.());
    this.#cut.addEventListener("click", () => cut?.());
    this.#end.addEventListener("click", () => (this.#isOver() ? this.remove() : cancel()));
    this.canCut = cut !== undefined;
    this.rename(name);
    this.enter("running");
    list.append(this.#card);
    showOrHide();
  }

  rename(name) {
    this.#name = name;
    this.#title.textContent = name;
    this.#bar.setAttribute("aria-label", name);
  }

  /** Without a total the bar shows only that something happens. */
  progress(done, total, note) {
    if (total) Object.assign(this.#bar, { max: total, value: done });
    this.#note.textContent = note;
  }

  /** `running`, `paused`, `failed` or `done`. A note is also said to those who do not see it. */
  enter(state, note) {
    this.#card.dataset.state = state;
    const label = labels[state];
    this.#main.hidden = label === undefined || this.#main.hidden;
    if (label) this.#label(this.#main, label);
    this.#cut.hidden = !this.canCut || state !== "running";
    this.#label(this.#end, this.#isOver() ? "Dismiss" : "Cancel");
    if (this.#isOver()) Object.assign(this.#bar, { max: 1, value: 1 });
    if (note === undefined) return;
    this.#note.textContent = note;
    say(`${this.#name}: ${note}`);
  }

  remove() {
    this.#card.remove();
    showOrHide();
  }

  #isOver() {
    return ["done", "failed"].includes(this.#card.dataset.state);
  }

  #label(button, label) {
    button.textContent = label;
    button.setAttribute("aria-label", `${label} ${this.#name}`);
  }
}
