import { element } from "./format.js";

const shelf = document.getElementById("shelf");

/** One line of the shelf: what is on its way, how far it is, and what can be done about it. */
export class Transfer {
  #bar = element("progress");
  #note = element("p", { className: "note" });
  #buttons = element("div", { className: "buttons" });
  #card;

  constructor(name) {
    this.#bar.setAttribute("aria-label", name);
    const title = element("p", { className: "name" }, element("bdi", {}, name));
    this.#card = element("article", { className: "transfer" }, title, this.#bar, this.#note, this.#buttons);
    shelf.append(this.#card);
  }

  /** Without a total the bar shows only that something happens. */
  progress(done, total, note) {
    if (total) Object.assign(this.#bar, { max: total, value: done });
    this.#note.textContent = note;
  }

  /** The buttons that there are now, by their labels. */
  offer(buttons) {
    this.#buttons.replaceChildren(
      ...Object.entries(buttons).map(([label, onclick]) =>
        element("button", { className: "button small", textContent: label, onclick }),
      ),
    );
  }

  end(state, note) {
    this.#card.dataset.state = state;
    Object.assign(this.#bar, { max: 1, value: 1 });
    this.#note.textContent = note;
    this.offer({ Dismiss: () => this.remove() });
  }

  remove() {
    this.#card.remove();
  }
}
