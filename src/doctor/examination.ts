import type { DownloadviewConfig } from "../config/downloadview-config.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import type { OffloadBackend } from "../offload/contract.ts";
import type { OffloadRule } from "../offload/rule.ts";
import type { Storage } from "../storages/storage.ts";
import { StorageFile } from "../storages/storage-file.ts";
import { ask, type Question, type Reply, type Route } from "./ask.ts";
import { capturingRule, defaultFolder, handedOver, type Probe } from "./healthcheck-download-view.ts";
import { makeSamples, urlPath, type Sample, type Samples } from "./samples.ts";

/** Which servers to ask. */
export interface DoctorOptions {
  /** The application itself, without a server in front. */
  readonly app: string;
  /** The server in front of it, as clients reach it. Left out, only the application and the storage are looked at. */
  readonly proxy?: string | undefined;
  /** The Host field for `proxy`, where its URL is an address such as `http://127.0.0.1`. Default: the URL's own. */
  readonly host?: string | undefined;
  /** Accepts a self-signed certificate of `app` and `proxy`. Default false. */
  readonly insecure?: boolean | undefined;
  /** The time for all checks together, in milliseconds. Default 60 000. The checks that remain then are skipped. */
  readonly timeout?: number | undefined;
}

/** What the rules say that the application must send for a sample. */
export interface ExpectedTarget {
  readonly backend: OffloadBackend;
  readonly value: string;
  /** The rule that captures the sample. Another rule of the configuration is none of its business. */
  readonly rule: OffloadRule;
}

/** One run of the doctor: what it looks at, and how to ask. */
export class Examination {
  readonly config: DownloadviewConfig;
  readonly storage: Storage;
  readonly storageName: string;
  readonly app: URL;
  readonly proxy: URL | undefined;
  readonly samples: Samples;
  /** The time for all checks together, in milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** How the server in front is reached. */
  readonly route: Route;
  readonly #appRoute: Route;
  readonly #folder: string;
  readonly #url: string;

  constructor(config: DownloadviewConfig, { app, proxy, host, insecure, timeout = 60_000 }: DoctorOptions) {
    const { healthcheck, storages = {} } = config;
    const storage = storages[healthcheck?.storage ?? ""];
    if (!healthcheck || !storage) {
      throw new ImproperlyConfiguredError(
        "The doctor needs a file to ask for: give the configuration storages: { media }, and " +
          'healthcheck: { url: "/healthcheck/", storage: "media" }, and mount HealthcheckDownloadView there',
      );
    }
    this.config = config;
    this.storage = storage;
    this.storageName = healthcheck.storage;
    this.app = new URL(app);
    this.proxy = proxy === undefined ? undefined : new URL(proxy);
    this.timeout = timeout;
    this.signal = AbortSignal.timeout(timeout);
    this.#appRoute = { insecure, signal: this.signal };
    this.route = { ...this.#appRoute, host };
    this.samples = makeSamples();
    this.#folder = healthcheck.folder ?? defaultFolder;
    this.#url = healthcheck.url.replace(/\/*$/, "/");
  }

  /** What a sample is called in the storage. */
  nameOf(sample: Sample): string {
    return `${this.#folder}/${sample.name}`;
  }

  path(sample: Sample, probe?: Probe): string {
    return `${this.#url}${urlPath(sample.name)}${probe === undefined ? "" : `?probe=${probe}`}`;
  }

  /** Undefined where the rules leave the sample to the application. */
  async expected(sample: Sample): Promise<ExpectedTarget | undefined> {
    const file = new StorageFile(this.storage, this.nameOf(sample));
    const request = { method: "GET", url: this.path(sample), headers: { get: () => null } };
    const result = await handedOver(file, this.config, request);
    const rule = await capturingRule(file, this.config, request);
    return result && rule && { backend: result.backend, value: result.headers.get(result.backend.header) ?? "", rule };
  }

  askApp(question: Question): Promise<Reply> {
    return ask(this.app, question, this.#appRoute);
  }

  askProxy(question: Question): Promise<Reply> {
    return ask(this.proxy ?? this.app, question, this.route);
  }
}

/** The target that a reply names, without what h2o carries in its query. */
export function targetIn(reply: Reply, { backend }: ExpectedTarget): string | undefined {
  const value = reply.field(backend.header);
  return backend.name === "h2o" ? value?.split("?", 1).join("") : value;
}

const offloadFields = ["X-Accel-Redirect", "X-Sendfile", "X-LIGHTTPD-send-file", "X-Reproxy-URL", "X-Remote-Url"];

/** The field for a server that is in a reply, whatever server it is for. */
export function offloadFieldIn(reply: Reply): string | undefined {
  return offloadFields.find((name) => reply.field(name) !== undefined);
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message || code || error.name;
}
