export {
  downloadMiddleware,
  send,
  toNodeHandler,
  type NodeHandler,
  type NodeHandlerOptions,
  type NodeNext,
} from "./adapters/node/index.ts";
export { pathParams } from "./adapters/path-params.ts";
