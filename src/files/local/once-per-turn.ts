/**
 * Gives everybody who asks for the same key during one turn of the event loop the same answer. All that was asked is
 * looked up when the turn ends, that is after the last of them asked: nobody gets an answer that is older than their
 * question. `begin` is called once a turn; what its lookups find they may share.
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
    const question = new Question<T>();
    asked.set(key, question);
    return question.answer;
  };
}

class Question<T> {
  declare resolve: (value: T) => void;
  declare reject: (reason: unknown) => void;
  readonly answer: Promise<T> = new Promise((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

/** An operation that is begun once for each key. */
export function oncePerKey<T>(operation: (key: string) => T): (key: string) => T {
  const begun = new Map<string, T>();
  return (key) => {
    if (!begun.has(key)) begun.set(key, operation(key));
    return begun.get(key)!;
  };
}
