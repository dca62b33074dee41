import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";

export interface Answer {
  readonly status: number;
  header(name: string): string | undefined;
  /** Each line of a field. */
  all(name: string): string[];
  readonly headers: string;
  readonly body: Buffer;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The request target, byte by byte: nothing of it is tidied up. */
  readonly path: string;
}

/** Asks by a connection of its own, and reads the whole answer. */
export async function ask(base: string, { method = "GET", headers = {}, path }: Ask): Promise<Answer> {
  const { hostname, port } = new URL(base);
  const outgoing = request({ hostname, port, path, method, headers, agent: false });
  outgoing.end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const all = (name: string): string[] =>
    response.rawHeaders.filter(
      (_, at) => at % 2 === 1 && response.rawHeaders[at - 1]?.toLowerCase() === name.toLowerCase(),
    );
  return {
    status: response.statusCode ?? 0,
    header: (name) => all(name).at(0),
    all,
    headers: response.rawHeaders.join("\n"),
    body: Buffer.concat(chunks),
  };
}
