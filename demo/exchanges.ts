import type { OutgoingHttpHeaders, OutgoingHttpHeader } from "node:http";
import type { Request, RequestHandler, Response } from "express";
import { visitorOf, withCookies } from "./visitors.ts";

type Fields = readonly (readonly [name: string, value: string])[];

/** A request and the answer to it, as they were. */
export interface Exchange {
  readonly id: number;
  readonly method: string;
  readonly url: string;
  /** Those that say something of a download. */
  readonly request: Fields;
  readonly status: number;
  readonly reason: string;
  readonly response: Fields;
  /** How the body ended: `cut` where the client left before it was whole. Undefined while it is being sent. */
  readonly ended?: "whole" | "cut";
}

/** Tells each browser of the requests that it makes itself: of no other's, and none is kept. */
export class Exchanges {
  readonly #listeners = new Map<string, Set<Response>>();
  #count = 0;

  /** Middleware that tells of what passes through it. */
  readonly record: RequestHandler = (request, response, next) => {
    const visitor = visitorOf(withCookies(request.headers));
    if (visitor !== undefined && this.#listeners.has(visitor)) this.#watch(request, response, visitor);
    next();
  };

  /** The exchanges of this browser from now on, as server-sent events. */
  readonly stream: RequestHandler = (request, response) => {
    const visitor = visitorOf(withCookies(request.headers));
    if (visitor === undefined) return void response.sendStatus(403);
    const listeners = this.#listeners.get(visitor) ?? new Set();
    this.#listeners.set(visitor, listeners.add(response));
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(": listening\n\n");
    response.once("close", () => {
      listeners.delete(response);
      if (listeners.size === 0) this.#listeners.delete(visitor);
    });
  };

  #watch(request: Request, response: Response, visitor: string): void {
    this.#count += 1;
    const asked = { id: this.#count, method: request.method, url: request.originalUrl, request: askedFields(request) };
    onHead(response, (fields) => {
      const head = { ...asked, status: response.statusCode, reason: response.statusMessage, response: fields };
      this.#tell(visitor, head);
      response.once("close", () => {
        this.#tell(visitor, { ...head, ended: response.writableFinished ? "whole" : "cut" });
      });
    });
  }

  #tell(visitor: string, exchange: Exchange): void {
    const event = `data: ${JSON.stringify(exchange)}\n\n`;
    for (const listener of this.#listeners.get(visitor) ?? []) listener.write(event);
  }
}

// The cookie and whatever else a browser sends are left out.
const told = ["Range", "If-Range", "If-None-Match", "If-Modified-Since", "If-Match", "Accept", "Sec-Fetch-Dest"];

function askedFields(request: Request): Fields {
  return told.flatMap((name) => {
    const value = request.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
}

/** Calls `tell` with the fields of a response when its head is written, by a view or by Express. */
function onHead(response: Response, tell: (fields: Fields) => void): void {
  const writeHead = response.writeHead.bind(response) as (...args: readonly unknown[]) => Response;
  response.writeHead = (...args: readonly unknown[]): Response => {
    const result = writeHead(...args);
    tell([...setFields(response), ...givenFields(args.at(-1))]);
    return result;
  };
}

function setFields(response: Response): Fields {
  return Object.entries(response.getHeaders()).flatMap(([name, value]) => pairs(name, value));
}

/** Those that `writeHead` is given: an object, or a flat array of names and values. */
function givenFields(given: unknown): Fields {
  if (Array.isArray(given)) {
    return given.flatMap((name, at) => (at % 2 === 0 ? pairs(String(name), given[at + 1]) : []));
  }
  if (typeof given !== "object" || given === null) return [];
  return Object.entries(given as OutgoingHttpHeaders).flatMap(([name, value]) => pairs(name, value));
}

function pairs(name: string, value: OutgoingHttpHeader | undefined): Fields {
  const written = name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase()).replace(/^Etag$/, "ETag");
  return value === undefined ? [] : [value].flat().map((one) => [written, latin1(String(one))] as const);
}

/** A field goes out as bytes. A path in UTF-8 is shown as it is meant. */
function latin1(value: string): string {
  const bytes = Buffer.from(value, "latin1");
  return bytes.toString("latin1") === value ? bytes.toString("utf8") : value;
}
