import { warnOnce } from "../diagnostics.ts";
import { MethodNotAllowedError } from "../errors.ts";
import type { DownloadHandler, DownloadRequest, DownloadResult, ViewContext } from "../responses/handler.ts";
import type { Chosen } from "../choice.ts";
import { refuseJSON } from "../serialization.ts";

/**
 * What a view may be configured with: its fields, and its `getX()` and other hooks. An option that is undefined counts as absent.
 * The members that run a view are not options: its handlers of HTTP methods (`get`, `post`, …), `renderToResponse`, and the state of one
 * request (`file`, `object`). To change those, write a subclass.
 */
export type ViewOptions<V> = { [Name in Exclude<keyof V, ReservedName>]?: Chosen<V[Name]> | undefined } & ThisType<V>;

const reservedNames = [
  "request",
  "params",
  "context",
  "setup",
  "dispatch",
  "checkConfiguration",
  "renderToResponse",
  "downloadResponse",
  "file",
  "object",
  "toJSON",
] as const;
type ReservedName = (typeof reservedNames)[number] | Method;

/** What `asView` needs of a class, whatever context its views have. */
export interface Dispatchable {
  setup(request: DownloadRequest, context?: Partial<ViewContext>): this;
  checkConfiguration(): void;
  dispatch(): Promise<DownloadResult>;
}

export type ContextOf<V> = V extends { context: ViewContext<infer C> } ? C : unknown;

const methods = ["get", "head", "post", "put", "patch", "delete", "options"] as const;
type Method = (typeof methods)[number];
const refusedNames: ReadonlySet<string> = new Set(["constructor", "__proto__", ...reservedNames, ...methods]);
// A bundle that has no views has none of this.
const methodsByName: ReadonlyMap<string, Method> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ methods.map((method) => [method.toUpperCase(), method]),
);
type MethodHandler = () => DownloadResult | Promise<DownloadResult>;

/**
 * Responds to requests. Each instance serves one request, so a method may keep on `this` what another one needs.
 * `C` is the framework's own request or context: `this.context.native`.
 *
 * @example
 * ```ts
 * import { View } from "downloadview";
 *
 * class HelloView extends View {
 *   greeting = "hello";
 *   get() {
 *     return new Response(this.greeting);
 *   }
 * }
 * const handler = HelloView.asView({ greeting: "bonjour" });
 * const response = await handler(new Request("http://localhost/"), { params: {}, native: undefined });
 * console.assert(response instanceof Response && (await response.text()) === "bonjour");
 * ```
 */
export class View<C = unknown> {
  declare request: DownloadRequest;
  declare params: Readonly<Record<string, string | undefined>>;
  declare context: ViewContext<C>;

  /**
   * Returns a handler that makes a view of this class, with `options` set on it, for each request.
   * @throws {TypeError} for an option that the view does not have
   * @throws {ImproperlyConfiguredError} for a view that could never serve a file
   */
  static asView<V extends Dispatchable>(
    this: new () => V,
    options: ViewOptions<NoInfer<V>> = {},
  ): DownloadHandler<ContextOf<V>> {
    checkOptions(new this(), options);
    const make = configured(this, options);
    make().checkConfiguration();
    return async (request, context) => await make().setup(request, context).dispatch();
  }

  /** Sets the request. Unit tests call this to test single methods. */
  setup(request: DownloadRequest, context: Partial<ViewContext> = {}): this {
    this.request = request;
    this.params = context.params ?? {};
    this.context = { params: this.params, native: context.native as C };
    return this;
  }

  /** Throws if the view could never serve a file. Called by `asView()`, not at a request. */
  checkConfiguration(): void {}

  /**
   * Calls the method of this view that is named after the request's method, and `get` for HEAD.
   * @throws {MethodNotAllowedError} with `Allow`
   */
  async dispatch(): Promise<DownloadResult> {
    const handle = methodOf(this, this.request.method);
    if (!handle) throw new MethodNotAllowedError(allowedMethods(this));
    return await handle.call(this);
  }

  /** Responds with the methods that this view has (RFC 9110 §9.3.7). */
  options(): DownloadResult | Promise<DownloadResult> {
    return new Response(null, { status: 204, headers: { Allow: allowedMethods(this).join(", ") } });
  }

  /** @throws {TypeError} always: what this holds is not for a client. */
  toJSON(): never {
    return refuseJSON(this, "view");
  }
}

/** Makes views with the options set. A getter of the class that has no setter yields to an option. */
function configured<V extends object>(viewClass: new () => V, options: object): () => V {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const computed = given.filter(([name]) => isReadOnly(new viewClass(), name));
  const plain = Object.fromEntries(given.filter((option) => !computed.includes(option)));
  if (computed.length === 0) return () => Object.assign(new viewClass(), plain);
  const own = Object.fromEntries(
    computed.map(([name, value]) => [name, { value: value as unknown, writable: true, configurable: true }]),
  );
  return () => Object.assign(Object.defineProperties(new viewClass(), own), plain);
}

function isReadOnly(object: object, name: string): boolean {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const property = Object.getOwnPropertyDescriptor(at, name);
    if (property) return property.get !== undefined && property.set === undefined;
  }
  return false;
}

function checkOptions(view: object, options: object): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const got = options === null ? "null" : Array.isArray(options) ? "an array" : `a ${typeof options}`;
    throw new TypeError(
      `${view.constructor.name}.asView() must be passed an object of options, or nothing; got ${got}`,
    );
  }
  for (const name of Object.keys(options)) {
    if (!isOption(view, name)) {
      throw new TypeError(
        `${view.constructor.name}.asView() has no option ${JSON.stringify(name)}; ` +
          `declare it as a field of the class, or take it away`,
      );
    }
  }
}

// A member of every object, such as `toString`, is an option only if the class overrides it.
function isOption(view: object, name: string): boolean {
  const valueOf = (object: object): unknown => (object as Record<string, unknown>)[name];
  return (
    !refusedNames.has(name) &&
    name in view &&
    !(name in Object.prototype && valueOf(view) === valueOf(Object.prototype))
  );
}

// Only names of the list are looked up, so that a request's method can never reach another member.
function methodOf(view: Partial<Record<Method, unknown>>, requested: string): MethodHandler | undefined {
  const method = methodsByName.get(requested);
  if (method === undefined) return undefined;
  let found = view[method];
  if (method === "head" && typeof found !== "function") found = view.get;
  return typeof found === "function" ? (found as MethodHandler) : undefined;
}

function allowedMethods(view: object): string[] {
  return methods.map((name) => name.toUpperCase()).filter((name) => methodOf(view, name) !== undefined);
}

/**
 * Returns the first of the route parameters `names` that the URL has. If the route has none of them, the route or the name is
 * wrong, not the URL: it warns, once.
 * @param option the option of the view that sets the name
 */
export function routeParam(view: View, names: readonly string[], option: string): string | undefined {
  const { params } = view;
  for (const name of names) if (params[name] !== undefined) return params[name];
  if (!names.some((name) => name in params)) warnOfMissing(view, names, option);
  return undefined;
}

function warnOfMissing({ constructor, params }: View, names: readonly string[], option: string): void {
  const quoted = (all: readonly string[]): string => all.map((name) => JSON.stringify(name)).join(" and ");
  const has = Object.keys(params);
  warnOnce(
    "DOWNLOADVIEW_NO_SUCH_PARAM",
    `${constructor.name} looks for the route parameter ${quoted(names)}, and the route has ` +
      `${has.length === 0 ? "no parameters" : `only ${quoted(has)}`}: it answers 404. Rename the parameter in the ` +
      `route, or set ${option}. ` +
      `A handler that is mounted without a route, as by app.use(), has no parameters; an optional parameter needs a ` +
      `default.`,
  );
}
