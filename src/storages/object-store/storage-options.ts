import { ImproperlyConfiguredError } from "../../errors.ts";

/** @throws {ImproperlyConfiguredError} unless `subject` has the method that tells a client of the right SDK */
export function assertSubject(subject: object, method: string, usage: string): void {
  const candidate = subject as Readonly<Record<string, unknown>> | null | undefined;
  if (typeof candidate?.[method] === "function") return;
  throw new ImproperlyConfiguredError(`The first argument has to be a client of the SDK: ${usage}`);
}

/** @throws {ImproperlyConfiguredError} without the name of a bucket, such as an environment variable that is not set */
export function assertBucket({ bucket }: { readonly bucket: string }, usage: string): void {
  if (typeof bucket === "string" && bucket !== "") return;
  throw new ImproperlyConfiguredError(`bucket has to be the name of a bucket, not ${JSON.stringify(bucket)}: ${usage}`);
}
