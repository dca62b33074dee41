import type { H3Event } from "nitro/h3";
import { dispatcher, routes } from "../../../application.ts";
import { files, upstream } from "../../../server.ts";

const userOf = (event: H3Event): string | undefined => event.context["user"] as string | undefined;

export const dispatch = dispatcher(routes({ files, userOf, upstream }));
