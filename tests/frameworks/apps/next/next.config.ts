import type { NextConfig } from "next";

const root = new URL("../..", import.meta.url).pathname;
const config: NextConfig = {
  turbopack: { root },
  outputFileTracingRoot: root,
  typescript: { ignoreBuildErrors: true },
};

export default config;
