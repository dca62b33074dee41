import type { NextRequest } from "next/server";
import { dispatcher, routes } from "../../application.ts";
import { files, upstream } from "../../server.ts";

const userOf = ({ headers }: NextRequest): string | undefined => headers.get("X-User") ?? undefined;

export const all = routes({ files, userOf, upstream });
export const dispatch = dispatcher(all);
