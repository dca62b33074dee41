interface NodeUtil {
  debuglog(section: string): (message: string) => void;
}

// Asked of the process rather than imported: a worker runtime has no such module, and this file runs there too.
const node = (
  globalThis as { process?: { getBuiltinModule?(name: string): NodeUtil | undefined } }
).process?.getBuiltinModule?.("node:util");

/** A log that takes its first message and no other. */
export function debugOnce(log: ((message: string) => void) | undefined): (message: string) => void {
  let said = false;
  return (message) => {
    if (said) return;
    said = true;
    (log ?? node?.debuglog("downloadview"))?.(message);
  };
}
