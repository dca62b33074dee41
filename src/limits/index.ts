export { limitDownloads, type LimitDownloadsOptions, type LimitOf } from "./limit-downloads.ts";
export { MemoryRunningDownloads } from "./memory-running-downloads.ts";
export type {
  AdmittedTransfer,
  NewTransfer,
  RunningDownloads,
  RunningTerms,
  RunningTransfer,
} from "./running-downloads.ts";
