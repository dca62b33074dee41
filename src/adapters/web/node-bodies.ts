import type { ServerResponse } from "node:http";
import type { Content } from "../../files/content.ts";
import type { ReadableBody, RenderedResponse } from "../../responses/rendered-response.ts";
import type * as PipeableBodies from "../node/pipeable-body.ts";
import type * as ServerStreams from "../node/server-stream.ts";
import { onOutgoingEnd, type MakeStream, type Outgoing } from "./web-body.ts";

/**
 * Bodies that the writer for Node's responses sends. Its modules are loaded when the first of them is made. In a bundle for Workers
 * `node-bodies.worker.ts` stands in place of this module.
 */

/** A file that the response's own writer sends, for a server that takes a body which is piped to its response. */
export function pipedFile(rendered: RenderedResponse, outgoing?: Outgoing): Promise<BodyInit> | undefined {
  const { body } = rendered;
  return body.kind === "content" && isLarge(body.content) ? pipedBody(rendered, body, outgoing) : undefined;
}

async function pipedBody(rendered: RenderedResponse, body: ReadableBody, outgoing?: Outgoing): Promise<BodyInit> {
  const { pipeableBody } = await (pipeableBodies ??= import("../node/pipeable-body.ts"));
  const pipeable = pipeableBody(rendered, body);
  // Middleware may send another response instead: then the body is never piped.
  if (outgoing) onOutgoingEnd(outgoing, () => pipeable.isPiped || pipeable.destroy());
  return pipeable as unknown as BodyInit;
}

let pipeableBodies: Promise<typeof PipeableBodies> | undefined;

/** For a large body on a server that shows Node's own response, which then sends it. */
export function serverStream(rendered: RenderedResponse, outgoing?: Outgoing): Promise<MakeStream> | undefined {
  const { body } = rendered;
  if (body.kind !== "content" || !isLarge(body.content) || !isNodeResponse(outgoing)) return undefined;
  return serverStreamFor(rendered, outgoing);
}

async function serverStreamFor(rendered: RenderedResponse, outgoing: ServerResponse): Promise<MakeStream> {
  const { ServerStream } = await (serverStreams ??= import("../node/server-stream.ts"));
  return (source, onTakeOver) => new ServerStream(source, rendered, outgoing, onTakeOver);
}

let serverStreams: Promise<typeof ServerStreams> | undefined;

function isNodeResponse(outgoing: object | undefined): outgoing is ServerResponse {
  return outgoing !== undefined && "writeHead" in outgoing && "headersSent" in outgoing;
}

/** Below this size, in bytes, a copy costs less than to have Node's response send the memory that a cache shares. */
const smallestShared = 64 * 1024;

function isLarge(content: Content): boolean {
  return content.kind === "seekable" || (content.kind === "bytes" && content.bytes.byteLength > smallestShared);
}
