import { serveWorker } from "../workerd.ts";

await serveWorker("archives");
