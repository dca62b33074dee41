import { error } from "@sveltejs/kit";
import { toSvelteKitHandler } from "downloadview/sveltekit";
import { dispatch } from "../../application.ts";

export const GET = toSvelteKitHandler(dispatch, { error });
