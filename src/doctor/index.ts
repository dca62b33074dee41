export type { CheckResult, Outcome, Side } from "./check-result.ts";
export { diagnose, type Diagnosis } from "./diagnose.ts";
export type { DoctorOptions } from "./examination.ts";
export { HealthcheckDownloadView, type Probe } from "./healthcheck-download-view.ts";
export { formatDiagnosis } from "./report.ts";
