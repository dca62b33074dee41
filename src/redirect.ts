export {
  redirectToStorage,
  type RedirectCandidate,
  type RedirectOptions,
  type RedirectUrl,
} from "./offload/redirect.ts";
