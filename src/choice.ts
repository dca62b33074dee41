import { ImproperlyConfiguredError } from "./errors.ts";

type AnyString = string & Record<never, never>;

/**
 * A field with a closed set of values. TypeScript widens `override format = "tar"` to `string`, so the field takes any string, and
 * {@link assertChoice} checks it when the view is configured. Options, which are not widened, take the values alone: {@link Chosen}.
 */
export type Choice<T extends string> = T | AnyString;

type IsAnyString<T> = (<U>() => U extends T ? 1 : 2) extends <U>() => U extends AnyString ? 1 : 2 ? true : false;
type Listed<T> = T extends unknown ? (IsAnyString<T> extends true ? never : T) : never;

/** The same type with the values of each {@link Choice} alone. */
export type Chosen<T> = T extends readonly (infer Element)[]
  ? AnyString extends Element
    ? string extends Listed<Element>
      ? T
      : readonly Listed<Element>[]
    : T
  : IsAnyString<T> extends true
    ? never
    : T;

/**
 * Checks an option with a closed set of values: JavaScript, JSON and widened fields get past the compiler. Without this check, a
 * mistyped value would do what the last branch of the code happens to do.
 *
 * @param option its name and its owner, such as `FileSystemStorage: dotfiles`
 * @throws {ImproperlyConfiguredError} unless the value is undefined or one of `choices`
 */
export function assertChoice<T extends string>(
  value: unknown,
  choices: readonly T[],
  option: string,
): asserts value is T | undefined {
  if (value === undefined || choices.includes(value as T)) return;
  throw new ImproperlyConfiguredError(`${option} must be ${listed(choices)}, got ${written(value)}`);
}

/** The choices as a sentence has them: `"deny", "allow" or a list`. */
export function listed(choices: readonly string[], ...others: readonly string[]): string {
  const all = [...choices.map((choice) => JSON.stringify(choice)), ...others];
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} or ${all.at(-1)}`;
}

/** A value as a message shows it. */
export function written(value: unknown): string {
  if (typeof value === "function") return `the function ${value.name || "without a name"}`;
  if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "number") return String(value);
  return JSON.stringify(value) ?? String(value);
}
