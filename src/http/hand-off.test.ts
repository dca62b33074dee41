import { describe, expect, it } from "vitest";
import { handOffFields, isHandOffField } from "./hand-off.ts";

describe("isHandOffField", () => {
  it.each([...handOffFields, "x-accel-redirect", "X-ACCEL-MAPPING", "x-sendfile", "x-lighttpd-send-file"])(
    "%s is for the server",
    (name) => expect(isHandOffField(name)).toBe(true),
  );

  it.each(["X-Accelerated", "X-Sendfiles", "X-Remote-User", "X-Test", "Location", "Content-Disposition"])(
    "%s is not",
    (name) => expect(isHandOffField(name)).toBe(false),
  );
});
