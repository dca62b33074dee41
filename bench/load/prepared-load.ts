import type { Open, Seen } from "../harness/protocol.ts";
import { prepareAborts } from "./kinds/aborts.ts";
import { prepareBeside } from "./kinds/beside.ts";
import { prepareCutDownloads } from "./kinds/cut-downloads.ts";
import { prepareFirstByte } from "./kinds/first-byte.ts";
import { preparePaced } from "./kinds/paced.ts";
import { prepareRequests } from "./kinds/requests.ts";
import { prepareStalled } from "./kinds/stalled.ts";

/** A load in two steps, so that the server's usage can be read between them. */
export interface PreparedLoad {
  run(): Promise<Seen>;
  close(): void;
}

export async function prepare({ target, expected, load }: Open): Promise<PreparedLoad> {
  switch (load.kind) {
    case "requests":
      return prepareRequests(target, expected, load);
    case "cut-downloads":
      return prepareCutDownloads(target, expected, load);
    case "stalled":
      return prepareStalled(target, load);
    case "aborts":
      return prepareAborts(target, load);
    case "paced":
      return preparePaced(target, expected, load);
    case "beside":
      return prepareBeside(target, expected, load);
    case "first-byte":
      return prepareFirstByte(target, expected, load);
  }
}
