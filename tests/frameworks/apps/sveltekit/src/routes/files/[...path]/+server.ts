import { error } from "@sveltejs/kit";
import { toSvelteKitHandler } from "downloadview/sveltekit";
import { files } from "../../../../../../server.ts";

const handler = toSvelteKitHandler(files({ attachment: true }), { error });
export { handler as DELETE, handler as GET };
