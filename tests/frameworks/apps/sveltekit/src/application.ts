import type { RequestEvent } from "@sveltejs/kit";
import { dispatcher, routes } from "../../../application.ts";
import { files, upstream } from "../../../server.ts";

const userOf = ({ locals }: RequestEvent): string | undefined => locals.user;

export const dispatch = dispatcher(routes({ files, userOf, upstream }));
