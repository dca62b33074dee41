export * from "./adapters/astro.ts";
