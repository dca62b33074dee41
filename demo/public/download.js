import { element, formatSize } from "./format.js";
import { errorOf } from "./speech.js";
import { Transfer } from "./transfer.js";

/**
 * A download that can be watched, paused and resumed. It goes on where it stopped: `Range` asks for the rest, and
 * `If-Range` asks for all of it should the file have changed meanwhile.
 */
export class Download {
  /** `running`, `paused`, `failed` or `done`. */
  state = "paused";
  #url;
  #name;
  #transfer;
  #abort = new AbortController();
  #onState;
  #parts = [];
  #received = 0;
  #etag = "";

  /**
   * @param {() => string} url A function, since what it returns may have changed by the time that the download goes on
   * @param {string} name
   * @param {(state: string) => void} onState Called with each new state
   */
  constructor(url, name, onState = () => {}) {
    this.#url = url;
    this.#name = name;
    this.#onState = onState;
    this.#transfer = new Transfer(name, {
      toggle: () => this.toggle(),
      cut: () => this.#cut(),
      cancel: () => this.#cancel(),
    });
  }

  /** Pauses a download that runs, and starts or resumes any other. */
  toggle() {
    if (this.state === "running") this.#abort.abort("paused");
    else void this.start();
  }

  async start() {
    this.#abort = new AbortController();
    this.#enter("running");
    try {
      await this.#receive();
      this.#save();
    } catch (error) {
      await this.#stopped(this.#abort.signal.aborted ? this.#abort.signal.reason : error);
    }
  }

  /** As a connection that breaks: nothing is said to the server, and the download goes on by itself. */
  #cut() {
    this.#abort.abort("cut");
  }

  async #receive() {
    const headers = this.#received > 0 ? { Range: `bytes=${this.#received}-`, "If-Range": this.#etag } : {};
    const response = await fetch(this.#url(), { headers, signal: this.#abort.signal, cache: "no-store" });
    if (!response.ok) throw await errorOf(response);
    if (response.status !== 206) this.#forget();
    this.#etag = response.headers.get("ETag") ?? "";
    this.#name = nameFrom(response.headers.get("Content-Disposition")) ?? this.#name;

    const length = Number(response.headers.get("Content-Length"));
    const total = length && this.#received + length;
    const resumed = this.#received > 0 ? ` · resumed by a ${response.status}` : "";
    const rate = new Rate();
    for await (const chunk of chunksOf(response.body)) {
      this.#parts.push(chunk);
      this.#received += chunk.byteLength;
      const far = total ? `${formatSize(this.#received)} of ${formatSize(total)}` : formatSize(this.#received);
      this.#transfer.progress(this.#received, total, `${far} · ${rate.after(chunk.byteLength)}${resumed}`);
    }
  }

  #forget() {
    this.#parts = [];
    this.#received = 0;
  }

  #save() {
    const url = URL.createObjectURL(new Blob(this.#parts));
    element("a", { href: url, download: this.#name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    this.#enter("done", `Saved, ${formatSize(this.#received)}`);
    this.#forget();
  }

  async #stopped(reason) {
    if (reason === "cancelled") return;
    const at = formatSize(this.#received);
    if (reason === "paused") return this.#enter("paused", `Paused at ${at}`);
    if (reason === "cut") {
      this.#transfer.progress(0, 0, `The line was cut at ${at}. Resuming`);
      await new Promise((resolve) => setTimeout(resolve, 600));
      return this.start();
    }
    // A TypeError is a line that broke, or that never was: what has arrived is kept.
    const broken = reason instanceof TypeError;
    this.#enter("failed", broken ? `The line broke at ${at}` : `Failed: ${reason.message}`);
  }

  #cancel() {
    this.#abort.abort("cancelled");
    this.#transfer.remove();
    this.#onState((this.state = "done"));
  }

  #enter(state, note) {
    this.state = state;
    this.#transfer.enter(state, note);
    this.#onState(state);
  }
}

/** The chunks of a body, also in a browser whose streams cannot be iterated over. */
async function* chunksOf(body) {
  const reader = body.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) yield value;
}

/** The name that the server gives: `filename*` before `filename` (RFC 6266 §4.3). */
function nameFrom(disposition) {
  const [, extended] = /filename\*=UTF-8''([^;]+)/i.exec(disposition) ?? [];
  const [, plain] = /filename="([^"]*)"/i.exec(disposition) ?? [];
  return extended ? decodeURIComponent(extended) : plain;
}

class Rate {
  #started = performance.now();
  #bytes = 0;

  after(bytes) {
    this.#bytes += bytes;
    const seconds = Math.max((performance.now() - this.#started) / 1000, 0.05);
    return `${formatSize(this.#bytes / seconds)}/s`;
  }
}
