import { messageOf } from "./examination.ts";
import type { Check } from "./check-result.ts";
import type { Examination, ExpectedTarget } from "./examination.ts";
import { whyNotSent } from "./why-not-sent.ts";

export interface Sending {
  readonly exam: Examination;
  /** Undefined if the application sends the file itself. */
  readonly expected: ExpectedTarget | undefined;
}

/** Check whether a client gets the file at all. Until it does, the other checks of the server say nothing. */
export const sendingChecks: readonly Check<Sending>[] = [
  {
    check: "proxy-reachable",
    title: "The server answers",
    examine: async ({ exam }) => {
      try {
        await exam.askProxy({ path: exam.path(exam.samples.plain) });
        return undefined;
      } catch (error) {
        if (exam.signal.aborted) throw error;
        return {
          side: "proxy",
          expected: `an answer from ${exam.front.origin}`,
          actual: messageOf(error),
          remedy: isUntrusted(error)
            ? "Let a known authority sign its certificate, or accept this one with --insecure."
            : "Start the server, or correct --proxy.",
        };
      }
    },
  },
  {
    check: "proxy-sends",
    title: "The server sends the file that the application names",
    examine: ({ exam, expected }) => whyNotSent(exam, expected),
  },
];

function isUntrusted(error: unknown): boolean {
  return /CERT|SELF_SIGNED|ALTNAME/.test(String((error as NodeJS.ErrnoException).code));
}
