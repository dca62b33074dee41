import { describe, expect, it } from "vitest";
import { offloadFields, isOffloadField } from "./offload-fields.ts";

describe("isOffloadField", () => {
  it.each([...offloadFields, "x-accel-redirect", "X-ACCEL-MAPPING", "x-sendfile", "x-lighttpd-send-file"])(
    "%s is for the server",
    (name) => expect(isOffloadField(name)).toBe(true),
  );

  it.each(["X-Accelerated", "X-Sendfiles", "X-Remote-User", "X-Test", "Location", "Content-Disposition"])(
    "%s is not",
    (name) => expect(isOffloadField(name)).toBe(false),
  );
});
