import { assertChoice, listed, written, type Choice, type Chosen } from "../choice.ts";
import { assignGiven } from "../assign-given.ts";
import { ImproperlyConfiguredError } from "../errors.ts";
import { isContentEncoding } from "../http/encoding.ts";
import { HeaderFields, type HeaderFieldsInit } from "../http/header-fields.ts";
import { isMediaType } from "../http/media-type.ts";
import type { OnFinish } from "./delivery.ts";

/**
 * What to do with content that a browser may run (HTML, SVG, XML, …) when it is shown:
 *
 * - `"sandbox"`, the default: shown with a Content-Security-Policy that runs nothing
 * - `"attachment"`: saved instead
 * - `"allow"`: shown as it is. Its scripts run with the rights of the site
 */
export type ActiveContentPolicy = "sandbox" | "attachment" | "allow";

const activeContentPolicies: readonly ActiveContentPolicy[] = ["sandbox", "attachment", "allow"];

/**
 * How to present a file: the one list of options. Everything else in this module is typed by it, so that the compiler names
 * each place that a new option needs: its default, its check, its method on views, its field on responses, and whether
 * the head of a response depends on it.
 */
export interface Presentation {
  /** Whether the client saves the file (`true`) or may show it (`false`). Default: `true`. */
  attachment: boolean;
  /** The name that the client sees; a `/` in it becomes `_`. Default: the last segment of the file's name. */
  filename: string | undefined;
  /** The media type, such as `text/csv`. Default: what the file knows, else by the extension of its name. */
  contentType: string | undefined;
  /** The charset of a text; `false` says nothing about it. Default: `utf-8`. */
  charset: string | false | undefined;
  /** The content coding that the bytes really are in, such as `gzip`. Default: what the file knows, else none. */
  contentEncoding: string | undefined;
  /**
   * The value of `Cache-Control`, or `false` for none. Default: `private, no-cache`, unless middleware has set one.
   * `no-transform` is added where the file has ranges or a strong entity tag, so that it is not compressed on its way.
   */
  cacheControl: string | false | undefined;
  /**
   * The only types that may be shown, such as `["image/*", "application/pdf"]`: with `attachment: false`, a file of any
   * other type is saved all the same. Default: any type.
   */
  inlineTypes: readonly string[] | undefined;
  /**
   * What to do with content that a browser may run (HTML, SVG, XML, …) when it is shown: `"sandbox"` it, have it saved
   * (`"attachment"`), or `"allow"` it to run. Default: `"sandbox"`.
   */
  activeContent: Choice<ActiveContentPolicy>;
  /** Further header fields. They win over those that are derived from the file. Default: none. */
  headers: HeaderFieldsInit | undefined;
  /** Any other status than 200 is sent as it is: no ranges, no preconditions, no offload. Default: 200. */
  status: number;
  /** Maximum bytes a second, if the application itself sends the file. Default: no limit. */
  limitRate: number | undefined;
  /** Called once when the transfer has ended, however it ended. Default: not called. */
  onFinish: OnFinish | undefined;
}

export type PresentationOptions = { [Name in keyof Presentation]?: Chosen<Presentation[Name]> | undefined };

/** How to present a file. Every option has a default that is right for a private document; `undefined` means the default. */
export interface DownloadOptions extends PresentationOptions {}

/** Methods of a view that compute an option. By default each returns the field. */
export interface PresentationMethods {
  getAttachment(): boolean | Promise<boolean>;
  getFilename(): string | undefined | Promise<string | undefined>;
  getContentType(): string | undefined | Promise<string | undefined>;
  getCharset(): string | false | undefined | Promise<string | false | undefined>;
  getContentEncoding(): string | undefined | Promise<string | undefined>;
  getCacheControl(): string | false | undefined | Promise<string | false | undefined>;
  getInlineTypes(): readonly string[] | undefined | Promise<readonly string[] | undefined>;
  getActiveContent(): Choice<ActiveContentPolicy> | Promise<Choice<ActiveContentPolicy>>;
  getHeaders(): HeaderFieldsInit | undefined | Promise<HeaderFieldsInit | undefined>;
  getStatus(): number | Promise<number>;
  getLimitRate(): number | undefined | Promise<number | undefined>;
  getOnFinish(): OnFinish | undefined | Promise<OnFinish | undefined>;
}

/** The fields of a view where neither its class nor its options set them. */
export const presentationDefaults: Readonly<Presentation> = {
  attachment: true,
  filename: undefined,
  contentType: undefined,
  charset: undefined,
  contentEncoding: undefined,
  cacheControl: undefined,
  inlineTypes: undefined,
  activeContent: "sandbox",
  headers: undefined,
  status: 200,
  limitRate: undefined,
  onFinish: undefined,
};

/** The methods of a view, unless its class overrides them. */
export const presentationMethods: PresentationMethods & Record<MethodName, unknown> & ThisType<Presentation> = {
  getAttachment() {
    return this.attachment;
  },
  getFilename() {
    return this.filename;
  },
  getContentType() {
    return this.contentType;
  },
  getCharset() {
    return this.charset;
  },
  getContentEncoding() {
    return this.contentEncoding;
  },
  getCacheControl() {
    return this.cacheControl;
  },
  getInlineTypes() {
    return this.inlineTypes;
  },
  getActiveContent() {
    return this.activeContent;
  },
  getHeaders() {
    return this.headers;
  },
  getStatus() {
    return this.status;
  },
  getLimitRate() {
    return this.limitRate;
  },
  getOnFinish() {
    return this.onFinish;
  },
};

type MethodName = `get${Capitalize<keyof Presentation>}`;

/**
 * All that a view computes: the field of each option, unless the view has another method for it, or `options` have it. No promise,
 * and so no turn of the event loop, unless one of its methods returns a promise. The values are not checked yet.
 */
export function presentationOf(
  view: Presentation & PresentationMethods,
  options?: DownloadOptions,
): DownloadOptions | Promise<DownloadOptions> {
  const own = presentationMethods;
  const presentation: PendingPresentation = {
    attachment: view.getAttachment === own.getAttachment ? view.attachment : view.getAttachment(),
    filename: view.getFilename === own.getFilename ? view.filename : view.getFilename(),
    contentType: view.getContentType === own.getContentType ? view.contentType : view.getContentType(),
    charset: view.getCharset === own.getCharset ? view.charset : view.getCharset(),
    contentEncoding:
      view.getContentEncoding === own.getContentEncoding ? view.contentEncoding : view.getContentEncoding(),
    cacheControl: view.getCacheControl === own.getCacheControl ? view.cacheControl : view.getCacheControl(),
    inlineTypes: view.getInlineTypes === own.getInlineTypes ? view.inlineTypes : view.getInlineTypes(),
    activeContent: view.getActiveContent === own.getActiveContent ? view.activeContent : view.getActiveContent(),
    headers: view.getHeaders === own.getHeaders ? view.headers : view.getHeaders(),
    status: view.getStatus === own.getStatus ? view.status : view.getStatus(),
    limitRate: view.getLimitRate === own.getLimitRate ? view.limitRate : view.getLimitRate(),
    onFinish: view.getOnFinish === own.getOnFinish ? view.onFinish : view.getOnFinish(),
  };
  // A field may hold a promise as well, though its type does not say so.
  for (const name of presentationNames) {
    const value: unknown = presentation[name];
    const isPrimitive = typeof value !== "object" && typeof value !== "function";
    if (!isPrimitive && isThenable(value)) return allSettled(presentation, options);
  }
  const settled = presentation as DownloadOptions;
  return options ? assignGiven(settled, options) : settled;
}

type PendingPresentation = { [Name in keyof Presentation]: Presentation[Name] | Promise<Presentation[Name]> };

async function allSettled(presentation: PendingPresentation, options?: DownloadOptions): Promise<DownloadOptions> {
  const names = Object.keys(presentation);
  const values: unknown[] = await Promise.all(Object.values(presentation));
  const settled: DownloadOptions = Object.fromEntries(names.map((name, at) => [name, values[at]]));
  return options ? assignGiven(settled, options) : settled;
}

// Also the promise of an ORM or of another realm.
function isThenable(value: object | null): boolean {
  return value !== null && "then" in value && typeof value.then === "function";
}

/** What is wrong with a value of an option, or undefined. A table, so that no option is left unchecked. */
const faults: { readonly [Name in keyof Presentation]: (value: unknown) => string | undefined } = {
  attachment: (value) => unless(typeof value === "boolean", "true or false", value),
  filename: (value) => unless(typeof value === "string", "a text", value),
  contentType: (value) => unless(isText(value) && isMediaType(value), "a media type, such as text/csv", value),
  charset: (value) => unless(value === false || isToken(value), "the name of a charset, or false", value),
  contentEncoding: (value) => unless(isText(value) && isContentEncoding(value), "a coding, such as gzip", value),
  cacheControl: (value) =>
    value === false ? undefined : unless(isText(value) && value !== "", "a text or false", value),
  inlineTypes: (value) =>
    unless(
      Array.isArray(value) && value.every(isTypePattern),
      'a list of types, such as ["image/*", "application/pdf"]',
      value,
    ),
  activeContent: (value) => unless(isActiveContentPolicy(value), listed(activeContentPolicies), value),
  headers: (value) => unless(typeof value === "object" && value !== null, "an object or a list of fields", value),
  status: (value) => unless(isStatus(value), "a status from 200 to 599", value),
  limitRate: (value) => unless(isRate(value), "a number of bytes a second, or 0 for no limit", value),
  onFinish: (value) => unless(typeof value === "function", "a function", value),
};

function unless(isRight: boolean, expected: string, value: unknown): string | undefined {
  return isRight ? undefined : `must be ${expected}, got ${written(value)}`;
}

const isText = (value: unknown): value is string => typeof value === "string";
const isToken = (value: unknown): boolean => isText(value) && /^[!#$%&'*+.^_`|~\w-]+$/.test(value);
const isTypePattern = (value: unknown): boolean => isText(value) && typePattern.test(value);
const typePattern = /^(?:\*\/\*|[!#$%&'+.^_`|~\w-]+\/(?:\*|[!#$%&'+.^_`|~\w-]+))$/;
const isActiveContentPolicy = (value: unknown): value is ActiveContentPolicy =>
  value === "sandbox" || value === "attachment" || value === "allow";
const isStatus = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 200 && Number(value) <= 599;
const isRate = (value: unknown): boolean => typeof value === "number" && value >= 0;

/** Every option of the list. */
export const presentationNames = /* @__PURE__ */ Object.keys(presentationDefaults) as readonly (keyof Presentation)[];

/**
 * Checks the options that a view is configured with. A getter is not called: it may need a request, which is not there yet.
 * @throws {ImproperlyConfiguredError} for a value that can be sent with no file
 */
export function checkPresentation(view: Readonly<Presentation>, owner: string): void {
  for (const name of presentationNames) {
    if (isComputed(view, name)) continue;
    const value: unknown = view[name];
    const fault = value === undefined ? undefined : faults[name](value);
    if (fault !== undefined) throw new ImproperlyConfiguredError(`${owner}: ${name} ${fault}`);
  }
  const { headers, cacheControl } = configuredFields(view);
  try {
    new HeaderFields(headers).append("Cache-Control", cacheControl || "");
  } catch (cause) {
    throw new ImproperlyConfiguredError(`${owner}: ${(cause as Error).message}`, { cause });
  }
}

function configuredFields(view: Readonly<Presentation>): Pick<DownloadOptions, "headers" | "cacheControl"> {
  return {
    headers: isComputed(view, "headers") ? undefined : view.headers,
    cacheControl: isComputed(view, "cacheControl") ? undefined : view.cacheControl,
  };
}

/** Whether a property is a getter, of the object itself or of its class. */
function isComputed(object: object, name: string): boolean {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const property = Object.getOwnPropertyDescriptor(at, name);
    if (property) return property.get !== undefined;
  }
  return false;
}

/** The options that a response has as fields. The other two are in its `headers`. */
export type ResponseFields = Omit<Presentation, "headers" | "cacheControl" | "activeContent"> & {
  activeContent: ActiveContentPolicy;
};

/** The part of a response that the options set. */
export abstract class PresentedResponse implements ResponseFields {
  /**
   * If it is set to an error status after the response was made, the file is refused: neither the application nor a server sends
   * a body. To send a file as an error page, pass the status as an option.
   */
  status: number;
  attachment: boolean;
  filename: string | undefined;
  contentType: string | undefined;
  charset: string | false | undefined;
  contentEncoding: string | undefined;
  inlineTypes: readonly string[] | undefined;
  activeContent: ActiveContentPolicy;
  limitRate: number | undefined;
  onFinish: OnFinish | undefined;
  /** The header fields that the application sets. */
  readonly headers: HeaderFields;

  /** @throws {ImproperlyConfiguredError} for a value that would be less safe than the one that was meant */
  constructor(options: DownloadOptions) {
    this.status = options.status ?? 200;
    // Anything but false: the value may come from JSON, a form or a database.
    this.attachment = options.attachment !== false;
    this.filename = options.filename;
    this.contentType = options.contentType;
    this.charset = options.charset;
    this.contentEncoding = options.contentEncoding;
    this.inlineTypes = options.inlineTypes;
    this.activeContent = options.activeContent ?? "sandbox";
    this.limitRate = options.limitRate;
    this.onFinish = options.onFinish;
    this.headers = headersOf(options);
    if (this.status !== 200) assertValid("status", this.status);
    if (this.activeContent !== "sandbox")
      assertChoice(this.activeContent, activeContentPolicies, owned("activeContent"));
    if (this.inlineTypes !== undefined) assertValid("inlineTypes", this.inlineTypes);
    if (this.limitRate !== undefined) assertValid("limitRate", this.limitRate);
  }
}

function assertValid(name: keyof Presentation, value: unknown): void {
  const fault = faults[name](value);
  if (fault !== undefined) throw new ImproperlyConfiguredError(`${owned(name)} ${fault}`);
}

function owned(name: keyof Presentation): string {
  return `DownloadResponse: ${name}`;
}

/** Caches must revalidate a file each time: it may have been replaced, or be forbidden by now. */
const defaultCacheControl = "private, no-cache";
const defaultFields = /* @__PURE__ */ makeDefaultFields();

function makeDefaultFields(): HeaderFields {
  return new HeaderFields().setDefault("Cache-Control", defaultCacheControl);
}

function headersOf({ headers, cacheControl }: DownloadOptions): HeaderFields {
  if (headers === undefined && cacheControl === undefined) return new HeaderFields(defaultFields);
  const fields = new HeaderFields(headers);
  if (cacheControl === false || fields.has("Cache-Control")) return fields;
  return cacheControl === undefined
    ? fields.setDefault("Cache-Control", defaultCacheControl)
    : fields.set("Cache-Control", cacheControl);
}

/** What the head of a 200 depends on, beside the file: all fields but those that say how the bytes are sent. */
export type HeadSettings = Readonly<Omit<ResponseFields, "status" | "limitRate" | "onFinish">> & {
  readonly headers: HeaderFields;
};

/** A copy of the settings, which stays as it is when the response is changed. */
export function headSettings(response: HeadSettings): HeadSettings {
  return {
    attachment: response.attachment,
    filename: response.filename,
    contentType: response.contentType,
    charset: response.charset,
    contentEncoding: response.contentEncoding,
    inlineTypes: response.inlineTypes?.slice(),
    activeContent: response.activeContent,
    headers: new HeaderFields(response.headers),
  };
}

/** How each setting is compared: a table, so that no new option can be left out: the memo would then serve stale heads. */
const comparisons = {
  attachment: "value",
  filename: "value",
  contentType: "value",
  charset: "value",
  contentEncoding: "value",
  activeContent: "value",
  inlineTypes: "list",
  headers: "fields",
} as const satisfies Record<keyof HeadSettings, string>;
const comparedByValue = /* @__PURE__ */ namesComparedByValue();

function namesComparedByValue(): readonly (keyof HeadSettings)[] {
  const names = Object.keys(comparisons) as (keyof HeadSettings)[];
  return names.filter((name) => comparisons[name] === "value");
}

/** Whether a head that was derived with `other` is right with `one`. */
export function haveSameHead(one: HeadSettings, other: HeadSettings): boolean {
  for (const name of comparedByValue) if (one[name] !== other[name]) return false;
  const haveSameTypes = one.inlineTypes === other.inlineTypes || isSameList(one.inlineTypes, other.inlineTypes);
  return haveSameTypes && one.headers.equals(other.headers);
}

function isSameList(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return one?.length === other?.length && one?.every((text, at) => text === other?.[at]) === true;
}
