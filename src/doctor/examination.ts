import { setMaxListeners } from "node:events";
import type { DownloadviewConfig } from "../config/downloadview-config.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import type { OffloadBackend } from "../offload/contract.ts";
import type { OffloadRule } from "../offload/rule.ts";
import type { Storage } from "../storages/storage.ts";
import { StorageFile } from "../storages/storage-file.ts";
import { ask, Connections, type Question, type Reply, type Route } from "./ask.ts";
import { capturingRule, defaultFolder, handedOver } from "./healthcheck-download-view.ts";
import type { GuardedFile } from "./guarded-check.ts";
import type { Probe } from "./probes.ts";
import { Semaphore } from "./semaphore.ts";
import { makeSamples, urlPath, type Sample, type Samples } from "./samples.ts";

/** The servers that the doctor asks. */
export interface DoctorOptions {
  /** The application itself, without a server in front. */
  readonly app: string;
  /** The server in front of it, as clients reach it. Default: only the application and the storage are examined. */
  readonly proxy?: string | undefined;
  /** The Host field for `proxy`, for a URL such as `http://127.0.0.1`. Default: the URL's own. */
  readonly host?: string | undefined;
  /** Accepts a self-signed certificate of `app` and `proxy`. Default false. */
  readonly insecure?: boolean | undefined;
  /**
   * The origin of a page that fetches downloads which the application redirects to the storage, such as
   * `https://app.example`. The doctor then sends the storage a preflight. Default: none.
   */
  readonly origin?: string | undefined;
  /**
   * A file that the server in front sends only after it has asked the application (`authorizeDownloads`). The doctor tries to
   * get it without the credentials. Default: none.
   */
  readonly guarded?: GuardedFile | undefined;
  /** The time for all checks together, in milliseconds. Default 60 000. The checks that remain then are skipped. */
  readonly timeout?: number | undefined;
}

/** What the application must send for a sample, by the rules. */
export interface ExpectedTarget {
  readonly backend: OffloadBackend;
  readonly value: string;
  /** The rule that captures the sample. */
  readonly rule: OffloadRule;
}

/** At most this many requests at a time: the deployment is in use. */
const maxRequests = 8;

/** One run of the doctor: what it examines, and how it asks. */
export class Examination {
  readonly config: DownloadviewConfig;
  readonly storage: Storage;
  readonly storageName: string;
  readonly app: URL;
  readonly proxy: URL | undefined;
  /** The origin of a page that fetches from the storage. */
  readonly origin: string | undefined;
  readonly guarded: GuardedFile | undefined;
  readonly samples: Samples;
  /** The time for all checks together, in milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** How to reach the server in front. */
  readonly route: Route;
  /** How to reach the application. */
  readonly appRoute: Route;
  readonly #folder: string;
  /** The path of the health check, with a slash at the end. */
  readonly url: string;
  readonly #connections: Connections = new Connections();
  readonly #requests: Semaphore = new Semaphore(maxRequests);

  constructor(
    config: DownloadviewConfig,
    { app, proxy, host, insecure, origin, guarded, timeout = 60_000 }: DoctorOptions,
  ) {
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
    this.guarded = guarded;
    this.origin = origin === undefined ? undefined : new URL(origin).origin;
    this.timeout = timeout;
    this.signal = AbortSignal.timeout(timeout);
    // One listener per request.
    setMaxListeners(0, this.signal);
    this.appRoute = { insecure, signal: this.signal };
    this.route = { ...this.appRoute, host };
    this.samples = makeSamples();
    this.#folder = healthcheck.folder ?? defaultFolder;
    this.url = healthcheck.url.replace(/\/*$/, "/");
  }

  /** Returns the name of a sample in the storage. */
  readonly nameOf = (sample: Sample): string => `${this.#folder}/${sample.name}`;

  path(sample: Sample, probe?: Probe): string {
    return `${this.url}${urlPath(sample.name)}${probe === undefined ? "" : `?probe=${probe}`}`;
  }

  /** Returns undefined if no rule captures the sample, so that the application sends it. */
  async expected(sample: Sample): Promise<ExpectedTarget | undefined> {
    const file = new StorageFile(this.storage, this.nameOf(sample));
    const request = { method: "GET", url: this.path(sample), headers: { get: () => null } };
    const result = await handedOver(file, this.config, request);
    const rule = await capturingRule(file, this.config, request);
    return result && rule && { backend: result.backend, value: result.headers.get(result.backend.header) ?? "", rule };
  }

  askApp(question: Question): Promise<Reply> {
    return this.#requests.run(() => ask(this.app, question, { ...this.appRoute, connections: this.#connections }));
  }

  askProxy(question: Question): Promise<Reply> {
    return this.#requests.run(() => ask(this.front, question, { ...this.route, connections: this.#connections }));
  }

  /** Closes the connections. */
  close(): void {
    this.#connections.close();
  }

  /** The server that clients reach. */
  get front(): URL {
    return this.proxy ?? this.app;
  }

  /** Whether there is a server in front of the application at all. */
  get hasProxy(): boolean {
    return this.proxy !== undefined && this.proxy.origin !== this.app.origin;
  }
}

/** Returns the target that a reply names, without the query in which h2o carries header fields. */
export function targetIn(reply: Reply, { backend }: ExpectedTarget): string | undefined {
  const value = reply.field(backend.header);
  return backend.name === "h2o" ? value?.split("?", 1).join("") : value;
}

const offloadFields = ["X-Accel-Redirect", "X-Sendfile", "X-LIGHTTPD-send-file", "X-Reproxy-URL", "X-Remote-Url"];

/** Returns the name of an offload field in a reply, for any server. */
export function offloadFieldIn(reply: Reply): string | undefined {
  return offloadFields.find((name) => reply.field(name) !== undefined);
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message || code || error.name;
}
