import type { Open } from "../harness/protocol.ts";
import { answerQuestions } from "../harness/questions.ts";
import { check } from "./check.ts";
import { closeEverything } from "./connections.ts";
import { prepare, type PreparedLoad } from "./prepared-load.ts";

let prepared: PreparedLoad | undefined;

answerQuestions({
  check,
  open: async (open: Open) => {
    prepared = await prepare(open);
  },
  run: () => prepared?.run(),
  close: () => {
    prepared?.close();
    prepared = undefined;
    closeEverything();
  },
});
