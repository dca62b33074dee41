/** What the module of one more server is made of: the contract, and the rules that it is handed. */
export type { FoundTarget, Limit, OffloadBackend } from "./contract.ts";
export type { CompiledRule, Target } from "./compiled-rule.ts";
export { OffloadedDownloadResponse } from "./offloaded-download-response.ts";
export type { Location } from "./path-prefix.ts";
export type { RuleOption } from "./rule.ts";
export type { SendfileOptions } from "./sendfile-response.ts";
export type { AppAddress, ServerConfiguration, TLSFiles } from "./server-configuration.ts";
export { percentEncoded, rawBytes, type TargetEncoding } from "./target-encoding.ts";
export type { ServerDownloadOptions } from "./undescribed-file.ts";
