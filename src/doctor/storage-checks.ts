import { collectBytes } from "../files/byte-reader.ts";
import { readOpened } from "../files/content.ts";
import type { Check, Finding } from "./check-result.ts";
import { messageOf, type Examination } from "./examination.ts";
import { firstSamples } from "./samples.ts";

/** Check whether the storage keeps what is saved. They leave the samples there, for the other checks. */
export const storageChecks: readonly Check<Examination>[] = [
  {
    check: "storage-write",
    title: "The storage saves the doctor's files",
    examine: async (exam) => {
      const findings = await Promise.all(
        firstSamples(exam.samples).map((sample) =>
          attempt(exam, `saving ${sample.name}`, "let the doctor's user write to it", () =>
            exam.storage.save(exam.nameOf(sample), sample.content),
          ),
        ),
      );
      return findings.find((finding) => finding !== undefined);
    },
  },
  {
    check: "storage-read",
    title: "The storage returns them unchanged",
    examine: async (exam) => {
      const { plain } = exam.samples;
      let content = "";
      const finding = await attempt(
        exam,
        `reading ${plain.name}`,
        "check its permissions and its connection",
        async () => {
          await using file = await exam.storage.open(exam.nameOf(plain));
          content = new TextDecoder().decode(await collectBytes(readOpened(file)));
        },
      );
      if (finding || content === plain.content) return finding;
      return {
        side: "storage",
        expected: `the ${plain.content.length} bytes that were saved`,
        actual: `${content.length} other bytes`,
        remedy: `A cache in front of the storage ${exam.storageName} has answered: let the doctor reach the storage itself.`,
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

/** Removes the samples. Ignores errors. */
export async function removeSamples(exam: Examination): Promise<void> {
  await Promise.all(
    firstSamples(exam.samples).map((sample) => exam.storage.delete(exam.nameOf(sample)).catch(() => undefined)),
  );
}
