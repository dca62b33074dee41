export { defineConfig, type DownloadviewConfig, type HealthcheckConfig } from "./downloadview-config.ts";
export { serverConfiguration, type ServerConfigurationOptions, type ServerName } from "./server-configuration.ts";
export type { TLSFiles } from "../offload/server-configuration.ts";
