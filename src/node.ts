export {
  downloadMiddleware,
  send,
  toNodeHandler,
  type NodeHandler,
  type NodeHandlerOptions,
  type NodeNext,
} from "./adapters/node/index.ts";
