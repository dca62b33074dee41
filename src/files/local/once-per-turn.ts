/**
 * Identical lookups that are requested during one turn of the event loop share one look at the disk. It starts when the
 * turn ends, after the last of them was requested: no caller gets an answer that is older than its question.
 *
 * @param begin called once a turn. What it returns looks up one key, and may share with other keys of the turn what it finds
 */
export function oncePerTurn<T>(begin: () => (key: string) => Promise<T>): (key: string) => Promise<T> {
  let asked = new Map<string, Question<T>>();
  const answerAll = (): void => {
    const questions = asked;
    asked = new Map();
    const lookUp = begin();
    for (const [key, { resolve, reject }] of questions) lookUp(key).then(resolve, reject);
  };
  return (key) => {
    const known = asked.get(key);
    if (known) return known.answer;
    if (asked.size === 0) setImmediate(answerAll);
    let resolve!: Question<T>["resolve"];
    let reject!: Question<T>["reject"];
    const answer = new Promise<T>((onAnswer, onError) => {
      resolve = onAnswer;
      reject = onError;
    });
    asked.set(key, { answer, resolve, reject });
    return answer;
  };
}

interface Question<T> {
  readonly answer: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}
