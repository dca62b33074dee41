/** One process asks another over IPC: `{ id, question, argument }`, answered by `{ id, value }` or `{ id, error }`. */
export interface Question {
  readonly id: number;
  readonly question: string;
  readonly argument: unknown;
}

export type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

// oxlint-disable-next-line typescript/no-explicit-any -- each question has an argument of its own
type Answers = Readonly<Record<string, (argument: any) => unknown>>;

/** Answers the parent's questions, and ends with it. */
export function answerQuestions(answers: Answers): void {
  process.on("message", (question: Question) => void answer(answers, question));
  process.on("disconnect", () => process.exit());
  process.send?.("ready");
}

async function answer(answers: Answers, { id, question, argument }: Question): Promise<void> {
  try {
    process.send?.({ id, value: await answers[question]?.(argument) } satisfies Answer);
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? error.message : String(error) } satisfies Answer);
  }
}
