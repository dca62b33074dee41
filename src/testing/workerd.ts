/** The test helpers that need no disk, and so run wherever `fetch` runs. */
export { assertDownloadResponse } from "./assert-download-response.ts";
export {
  assertXAccelRedirect,
  assertXSendfile,
  type OffloadExpectations,
  type XAccelRedirectExpectations,
  type XSendfileExpectations,
} from "./assert-offload.ts";
export { DownloadAssertionError, type Mismatch } from "./download-assertion-error.ts";
export type { ContentPredicate } from "./compare-bytes.ts";
export type { DownloadExpectations } from "./download-expectations.ts";
export { downloadMatchers, type DownloadMatchers, type MatcherResult } from "./download-matchers.ts";
export type { ByteSource } from "../files/byte-source.ts";
export { setupView, type NativeOf, type PartialRequest } from "./setup-view.ts";
export type { InjectedResponse, SuperagentResponse, TestedResponse } from "./tested-response.ts";
