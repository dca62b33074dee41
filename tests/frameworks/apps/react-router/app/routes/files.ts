import { toReactRouterLoader } from "downloadview/react-router";
import { files } from "../../../../server.ts";

export const loader = toReactRouterLoader(files({ attachment: true }));
export const action = loader;
