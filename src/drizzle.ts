export { drizzleModel, type DrizzleDatabase, type DrizzleModelOptions } from "./models/drizzle.ts";
