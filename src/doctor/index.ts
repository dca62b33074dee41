export type { CheckResult, Outcome, Side } from "./check-result.ts";
export { diagnose, type Diagnosis } from "./diagnose.ts";
export type { GuardedFile } from "./guarded-check.ts";
export type { DoctorOptions } from "./examination.ts";
export { HealthcheckDownloadView } from "./healthcheck-download-view.ts";
export type { Probe } from "./probes.ts";
export { formatDiagnosis } from "./report.ts";
