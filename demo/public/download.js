import { element, formatSize } from "./format.js";
import { Transfer } from "./transfer.js";

/**
 * A download that can be watched, paused and resumed. It goes on where it stopped: `Range` asks for the rest, and
 * `If-Range` asks for all of it should the file have changed meanwhile.
 */
export class Download {
  #url;
  #name;
  #transfer;
  #abort;
  #parts = [];
  #received = 0;
  #etag;

  /** `url` is a function: what it gives may have changed by the time that the download goes on. */
  constructor(url, name) {
    this.#url = url;
    this.#name = name;
    this.#transfer = new Transfer(name);
  }

  async start() {
    this.#abort = new AbortController();
    this.#transfer.offer({ Pause: () => this.#abort.abort(), Cancel: () => this.#cancel() });
    try {
      await this.#receive();
      this.#save();
    } catch (error) {
      if (this.#abort.signal.aborted) this.#paused(`Paused at ${formatSize(this.#received)}`);
      else this.#paused(`Broken off at ${formatSize(this.#received)}: ${error.message}`);
    }
  }

  async #receive() {
    const headers = this.#received > 0 ? { Range: `bytes=${this.#received}-`, "If-Range": this.#etag } : {};
    const response = await fetch(this.#url(), { headers, signal: this.#abort.signal, cache: "no-store" });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
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
    this.#transfer.end("done", `Saved, ${formatSize(this.#received)}`);
    this.#forget();
  }

  #paused(note) {
    this.#transfer.progress(0, 0, note);
    this.#transfer.offer({ Resume: () => this.start(), Cancel: () => this.#cancel() });
  }

  #cancel() {
    this.#abort.abort();
    this.#transfer.remove();
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
