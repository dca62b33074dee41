export * from "./adapters/sveltekit.ts";
