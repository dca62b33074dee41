import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/*
 * Memory that was written to a response can be used again only if nothing but Node's own code and the kernel has had it.
 * Middleware that replaces `end` may hold a chunk back until a session is saved; a connection that is a stream of JavaScript
 * may queue it. Both would then send the bytes of the client that the memory was filled for next.
 */

// Asked of the process rather than imported: what runs on Node alone is also reached from modules that run anywhere.
const http = process.getBuiltinModule("node:http");
const net = process.getBuiltinModule("node:net");
const { types } = process.getBuiltinModule("node:util");
const sourceOf = Function.prototype.toString;

type Methods = Readonly<Record<string, unknown>>;

/**
 * The methods that a chunk goes through. A preloaded module may have replaced one before this module was loaded: then its
 * source lacks a piece of Node's own. On Bun and Deno all sources are others, and no memory is recycled.
 */
const message = http.OutgoingMessage.prototype as unknown as Methods;
const socketClass = net.Socket.prototype as unknown as Methods;
const responseMethods = {
  write: message["write"],
  end: message["end"],
  send: message["_send"],
  writeRaw: message["_writeRaw"],
  flush: message["_flush"],
  flushOutput: message["_flushOutput"],
};
const socketMethods = {
  write: socketClass["write"],
  end: socketClass["end"],
  writeOne: socketClass["_write"],
  writeMany: socketClass["_writev"],
  writeGeneric: socketClass["_writeGeneric"],
};
const areNodesOwn =
  haveMarks(responseMethods, {
    write: "write_(this",
    end: "ERR_STREAM_WRITE_AFTER_END",
    send: "_headerSent",
    writeRaw: "_httpMessage",
    flush: "_flushOutput",
    flushOutput: "outputData",
  }) &&
  haveMarks(socketMethods, {
    write: "_write(this",
    end: "Duplex.prototype.end",
    writeOne: "_writeGeneric(false",
    writeMany: "_writeGeneric(true",
    writeGeneric: "_pendingData",
  });

function haveMarks<M extends Methods>(methods: M, marks: Readonly<Record<keyof M & string, string>>): boolean {
  return Object.entries(methods).every(
    ([name, method]) => typeof method === "function" && sourceOf.call(method).includes(marks[name]!),
  );
}

interface Internals {
  readonly write?: unknown;
  readonly end?: unknown;
  readonly _send?: unknown;
  readonly _writeRaw?: unknown;
  readonly _flush?: unknown;
  readonly _flushOutput?: unknown;
  readonly _write?: unknown;
  readonly _writev?: unknown;
  readonly _writeGeneric?: unknown;
  readonly _handle?: Handle | null;
  /** The socket below that of a TLS connection. */
  readonly _parent?: Socket | null;
  readonly encrypted?: boolean;
}

/**
 * Node's own socket under `response`, if what is written to the response now goes nowhere else. Asked for every response and
 * every chunk, since a method may be replaced at any time: each one by name, not in a loop.
 */
export function trustedSocket(response: ServerResponse): Socket | undefined {
  const own: Internals = response;
  if (
    areNodesOwn &&
    own.write === responseMethods.write &&
    own.end === responseMethods.end &&
    own["_send"] === responseMethods.send &&
    own["_writeRaw"] === responseMethods.writeRaw &&
    own["_flush"] === responseMethods.flush &&
    own["_flushOutput"] === responseMethods.flushOutput &&
    !types.isProxy(response)
  ) {
    const { socket } = response;
    return socket && isNodesOwn(socket) ? socket : undefined;
  }
  return undefined;
}

// A proxy has the prototype of what it stands for.
function isNodesOwn(socket: Internals): boolean {
  return (
    socket.write === socketMethods.write &&
    socket.end === socketMethods.end &&
    socket["_write"] === socketMethods.writeOne &&
    socket["_writev"] === socketMethods.writeMany &&
    socket["_writeGeneric"] === socketMethods.writeGeneric &&
    !types.isProxy(socket) &&
    (Object.getPrototypeOf(socket) === socketClass || isNodesTLS(socket)) &&
    isNative(socket["_handle"])
  );
}

// A TLS socket on a stream of JavaScript has another socket of Node's in between, of a class of its own.
function isNodesTLS(socket: Internals): boolean {
  const parent = socket["_parent"];
  return (
    socket.encrypted === true &&
    Object.getPrototypeOf(socket) === process.getBuiltinModule("node:tls").TLSSocket.prototype &&
    (!parent || Object.getPrototypeOf(parent) === socketClass)
  );
}

interface Handle {
  readonly writeBuffer?: unknown;
  readonly writev?: unknown;
  readonly writeLatin1String?: unknown;
  readonly writeUtf8String?: unknown;
}

/** The methods of each class of handles, where they are native. */
const nativeMethods = new WeakMap<object, Handle | null>();

function isNative(handle: Handle | null | undefined): boolean {
  if (!handle) return false;
  const prototype = Object.getPrototypeOf(handle) as Handle;
  let methods = nativeMethods.get(prototype);
  if (methods === undefined) nativeMethods.set(prototype, (methods = nativeOf(prototype)));
  return (
    methods !== null &&
    handle.writeBuffer === methods.writeBuffer &&
    handle.writev === methods.writev &&
    handle.writeLatin1String === methods.writeLatin1String &&
    handle.writeUtf8String === methods.writeUtf8String
  );
}

function nativeOf({ writeBuffer, writev, writeLatin1String, writeUtf8String }: Handle): Handle | null {
  const methods = { writeBuffer, writev, writeLatin1String, writeUtf8String };
  return Object.entries(methods).every(([name, method]) => isNativeMethod(name, method)) ? methods : null;
}

// A bound function and a proxy of one look native too, but have no name.
function isNativeMethod(name: string, method: unknown): boolean {
  return typeof method === "function" && sourceOf.call(method) === `function ${name}() { [native code] }`;
}
