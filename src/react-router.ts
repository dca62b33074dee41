export * from "./adapters/react-router.ts";
