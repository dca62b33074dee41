/** Bytes that all large downloads together hand to the system in one turn of the event loop. It copies them meanwhile. */
const mostInTurn = 2 * 1024 * 1024;
/** Smaller chunks are not counted: the copy takes less time than the rest of the turn. */
const leastCounted = 128 * 1024;

let sent = 0;
let isResetting = false;
let next: Promise<void> | undefined;

/**
 * Resolves when `count` bytes may be written: at once, or in a later turn of the event loop if this one has written so many that
 * other requests would have to wait for milliseconds. Undefined stands for at once, so that most chunks wait for no promise.
 */
export function turnFor(count: number): Promise<void> | undefined {
  if (count < leastCounted) return undefined;
  if (!hasRoom()) return waitFor(count);
  take(count);
  return undefined;
}

async function waitFor(count: number): Promise<void> {
  while (!hasRoom()) await nextTurn();
  take(count);
}

function hasRoom(): boolean {
  return sent < mostInTurn;
}

function take(count: number): void {
  sent += count;
  if (!isResetting) {
    isResetting = true;
    setImmediate(reset);
  }
}

function reset(): void {
  isResetting = false;
  sent = 0;
}

// Made after the reset was scheduled, and so run after it.
function nextTurn(): Promise<void> {
  next ??= new Promise((resolve) => {
    setImmediate(() => {
      next = undefined;
      resolve();
    });
  });
  return next;
}
