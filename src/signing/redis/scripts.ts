import { DownloadError, ImproperlyConfiguredError } from "../../errors.ts";

/** The method of ioredis that is used, and one that identifies ioredis. */
export interface IORedisClient {
  defineCommand: unknown;
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>;
}

/** The method of node-redis that is used. */
export interface NodeRedisClient {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

export interface RedisOptions {
  /** The prefix of the keys. */
  readonly prefix: string;
  /**
   * How long Redis may take to answer, in seconds. Without a connection, Redis clients queue commands, some of them for
   * ever.
   */
  readonly timeout: number;
}

/** Runs scripts in Redis, each on one key. Waits up to `timeout` seconds for an answer. */
export class RedisScripts {
  readonly #client: IORedisClient | NodeRedisClient;
  readonly #options: RedisOptions;

  /** @throws {ImproperlyConfiguredError} if `client` has no `eval` method, or `timeout` is not a positive number */
  constructor(client: IORedisClient | NodeRedisClient, options: RedisOptions) {
    if (typeof (client as { eval?: unknown } | undefined)?.eval !== "function") {
      throw new ImproperlyConfiguredError(
        `client must be a client of ioredis or node-redis, got ${client === null ? "null" : typeof client} without eval()`,
      );
    }
    if (!(options.timeout > 0)) {
      throw new ImproperlyConfiguredError(`timeout must be a positive number of seconds, got ${options.timeout}`);
    }
    this.#client = client;
    this.#options = options;
  }

  /**
   * Returns the result of the script. If the answer arrives after the timeout, it is passed to `whenLate`.
   * @throws {DownloadError} 503, if Redis can't be reached or takes too long
   */
  async run(
    script: string,
    key: string,
    texts: string[],
    whenLate?: (answer: unknown) => Promise<void> | undefined,
  ): Promise<unknown> {
    const { timeout } = this.#options;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isLate = false;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        isLate = true;
        reject(new Error(`Redis did not answer within ${timeout} s`));
      }, timeout * 1000);
    });
    try {
      const answer = this.#eval(script, this.#options.prefix + key, texts);
      answer.then((late) => (isLate ? whenLate?.(late) : undefined)).catch(() => undefined);
      return await Promise.race([answer, tooLong]);
    } catch (cause) {
      throw new DownloadError(503, "Redis can't be reached", { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  #eval(script: string, key: string, texts: string[]): Promise<unknown> {
    return "defineCommand" in this.#client
      ? this.#client.eval(script, 1, key, ...texts)
      : this.#client.eval(script, { keys: [key], arguments: texts });
  }
}
