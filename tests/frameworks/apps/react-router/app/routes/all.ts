import { toReactRouterLoader } from "downloadview/react-router";
import type { LoaderFunctionArgs } from "react-router";
import { dispatcher, routes } from "../../../../application.ts";
import { files, upstream } from "../../../../server.ts";
import { userContext } from "../user.ts";

const userOf = ({ context }: LoaderFunctionArgs): string | undefined => context.get(userContext);

export const loader = toReactRouterLoader(dispatcher(routes({ files, userOf, upstream })));
