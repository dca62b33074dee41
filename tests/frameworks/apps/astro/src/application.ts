import type { APIContext } from "astro";
import { dispatcher, routes } from "../../../application.ts";
import { files, upstream } from "../../../server.ts";

declare global {
  namespace App {
    interface Locals {
      user?: string;
    }
  }
}

const userOf = ({ locals }: APIContext): string | undefined => locals.user;

export const dispatch = dispatcher(routes({ files, userOf, upstream }));
