import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Whether memory that is written to a response can be used again.
 *
 * It can be used again only if nothing but Node's own code and the kernel has had it. Middleware that replaces `end` may
 * hold a chunk back until a session is saved; a connection that is a stream of JavaScript may queue it. Both would then
 * send the bytes of the client that the memory was filled for next.
 */

// Asked of the process rather than imported: what runs on Node alone is also reached from modules that run anywhere.
const http = process.getBuiltinModule("node:http");
const net = process.getBuiltinModule("node:net");
const { types } = process.getBuiltinModule("node:util");
const sourceOf = Function.prototype.toString;

type Method = [name: string, own: unknown];
type Methods = Readonly<Record<string, unknown>>;

/**
 * The methods that a chunk goes through, with a piece of Node's own source of each. A preloaded module may have replaced
 * one before this module was loaded: its source is another. On Bun and Deno all are others, and no memory is recycled.
 */
const responseMethods = nodesOwn(http.OutgoingMessage.prototype, {
  write: "write_(this",
  end: "ERR_STREAM_WRITE_AFTER_END",
  _send: "_headerSent",
  _writeRaw: "_httpMessage",
  _flushOutput: "outputData",
  _flush: "_flushOutput",
});
const socketMethods = nodesOwn(net.Socket.prototype, {
  write: "_write(this",
  end: "Duplex.prototype.end",
  _write: "_writeGeneric(false",
  _writev: "_writeGeneric(true",
  _writeGeneric: "_pendingData",
});

function nodesOwn(prototype: object, marks: Readonly<Record<string, string>>): readonly Method[] | undefined {
  const methods = Object.keys(marks).map((name): Method => [name, (prototype as Methods)[name]]);
  return methods.every(([name, own]) => typeof own === "function" && sourceOf.call(own).includes(marks[name]!))
    ? methods
    : undefined;
}

/** Node's own socket under `response`, if what is written to the response now goes nowhere else. */
export function trustedSocket(response: ServerResponse): Socket | undefined {
  if (!responseMethods || !socketMethods || !hasOwn(response, responseMethods)) return undefined;
  const { socket } = response;
  return socket && hasOwn(socket, socketMethods) && isNodesOwn(socket) ? socket : undefined;
}

function hasOwn(target: object, methods: readonly Method[]): boolean {
  if (types.isProxy(target)) return false;
  for (const [name, own] of methods) if ((target as Methods)[name] !== own) return false;
  return true;
}

interface HandledSocket {
  readonly _handle?: object | null;
  /** The socket below that of a TLS connection. */
  readonly _parent?: Socket | null;
  readonly encrypted?: boolean;
}

function isNodesOwn(socket: Socket): boolean {
  const { _handle, _parent, encrypted } = socket as HandledSocket;
  if (!_handle || !isNative(_handle)) return false;
  const prototype: unknown = Object.getPrototypeOf(socket);
  if (prototype === net.Socket.prototype) return true;
  // A TLS socket on a stream of JavaScript has another socket of Node's in between, of a class of its own.
  const isTls = encrypted === true && prototype === process.getBuiltinModule("node:tls").TLSSocket.prototype;
  return isTls && (!_parent || Object.getPrototypeOf(_parent) === net.Socket.prototype);
}

const handleMethods = ["writeBuffer", "writev", "writeLatin1String", "writeUtf8String", "shutdown"] as const;
const nativeMethods = new WeakMap<object, readonly Method[] | undefined>();

function isNative(handle: object): boolean {
  const prototype = Object.getPrototypeOf(handle) as object;
  if (!nativeMethods.has(prototype)) nativeMethods.set(prototype, nativeOf(prototype));
  const methods = nativeMethods.get(prototype);
  return methods !== undefined && hasOwn(handle, methods);
}

// A bound function and a proxy of one look native too, but have no name.
function nativeOf(prototype: object): readonly Method[] | undefined {
  const methods = handleMethods.map((name): Method => [name, (prototype as Methods)[name]]);
  const isNativeMethod = ([name, own]: Method): boolean =>
    typeof own === "function" && sourceOf.call(own) === `function ${name}() { [native code] }`;
  return methods.every(isNativeMethod) ? methods : undefined;
}
