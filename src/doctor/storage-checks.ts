import { collectBytes } from "../files/bytes.ts";
import { readOpened } from "../files/content.ts";
import type { Check, Finding } from "./check-result.ts";
import { messageOf, type Examination } from "./examination.ts";
import { firstSamples } from "./samples.ts";

/** Whether the storage keeps what it is given. Leaves the samples there, for the other checks. */
export const storageChecks: readonly Check<Examination>[] = [
  {
    check: "storage-write",
    title: "The storage takes the doctor's files",
    examine: async (exam) => {
      for (const sample of firstSamples(exam.samples)) {
        const finding = await attempt(exam, `saving ${sample.name}`, "give the doctor's user the right to write", () =>
          exam.storage.save(exam.nameOf(sample), sample.content),
        );
        if (finding) return finding;
      }
      return undefined;
    },
  },
  {
    check: "storage-read",
    title: "The storage gives them back",
    examine: async (exam) => {
      const { plain } = exam.samples;
      let content = "";
      const finding = await attempt(
        exam,
        `reading ${plain.name}`,
        "look at its permissions and its connection",
        async () => {
          await using file = await exam.storage.open(exam.nameOf(plain));
          content = new TextDecoder().decode(await collectBytes(readOpened(file)));
        },
      );
      if (finding || content === plain.content) return finding;
      return {
        side: "storage",
        expected: `the ${plain.content.length} bytes that were saved`,
        actual: `${content.length} others`,
        remedy: `Something in front of the storage ${exam.storageName} answers in its place, such as a stale cache.`,
      };
    },
  },
];

async function attempt(
  { storageName }: Examination,
  what: string,
  advice: string,
  action: () => Promise<unknown>,
): Promise<Finding | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return {
      side: "storage",
      expected: `${what} works`,
      actual: messageOf((error as Error).cause ?? error),
      remedy: `The storage ${storageName} fails: ${advice}.`,
    };
  }
}

/** Removes the samples. What cannot be removed stays. */
export async function removeSamples(exam: Examination): Promise<void> {
  for (const sample of firstSamples(exam.samples))
    await exam.storage.delete(exam.nameOf(sample)).catch(() => undefined);
}
