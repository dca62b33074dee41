export { kyselyModel, type KyselyModelOptions } from "./models/kysely.ts";
