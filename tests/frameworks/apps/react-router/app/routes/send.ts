import { send } from "downloadview/react-router";
import type { LoaderFunctionArgs } from "react-router";
import { report } from "../../../../application.ts";

export const loader = (args: LoaderFunctionArgs): Promise<Response> => send(args, report());
