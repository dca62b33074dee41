export { redirectToStorage, type RedirectOptions, type RedirectUrl } from "./offload/redirect.ts";
