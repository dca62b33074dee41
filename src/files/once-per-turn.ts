/**
 * Gives everybody who asks for the same key during one turn of the event loop the same answer. The operation begins
 * when the turn ends, that is after the last of them asked: nobody gets an answer that is older than their question.
 */
export function oncePerTurn<T>(operation: (key: string) => Promise<T>): (key: string) => Promise<T> {
  let waiting = new Map<string, Promise<T>>();
  return (key) => {
    const asked = waiting.get(key);
    if (asked) return asked;
    if (waiting.size === 0) setImmediate(() => (waiting = new Map()));
    const answer = new Promise<void>((resolve) => void setImmediate(resolve)).then(() => operation(key));
    waiting.set(key, answer);
    return answer;
  };
}
