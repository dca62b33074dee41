export { cloudFront, type CloudFrontOptions } from "./offload/redirect-cloudfront.ts";
