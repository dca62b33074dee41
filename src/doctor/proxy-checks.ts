import { accessChecks } from "./access-checks.ts";
import { contentChecks } from "./content-checks.ts";
import type { ProxyCheck } from "./proxy-examination.ts";
import { requestChecks } from "./request-checks.ts";
import { streamChecks } from "./stream-checks.ts";

/** Check what can be wrong although the server sends the file. */
export const proxyChecks: readonly ProxyCheck[] = [
  ...contentChecks,
  ...requestChecks,
  ...accessChecks,
  ...streamChecks,
];
