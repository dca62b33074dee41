import { describe, expect, it } from "vitest";
import { DownloadError } from "./errors.ts";

describe("an error with header fields", () => {
  it("leaves out those that cannot be sent, so that it can always be answered", () => {
    const headers = { "Retry-After": "5", "X-File": "été \u0104.txt", "X-Two": "a\r\nb", "not a name": "1" };
    const error = new DownloadError(503, "Wait", { headers });
    expect(error.headers).toEqual({ "Retry-After": "5" });
    expect(error.getResponse().headers.get("Retry-After")).toBe("5");
  });
});
