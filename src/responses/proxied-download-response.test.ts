import { describe, expect, it } from "vitest";
import type { DownloadOutcome } from "./delivery.ts";
import { ProxiedDownloadResponse } from "./proxied-download-response.ts";

describe("ProxiedDownloadResponse", () => {
  const cases: [status: number, outcome: DownloadOutcome][] = [
    [200, { kind: "handedOver", status: 200, bytesSent: 0, completed: false }],
    [302, { kind: "handedOver", status: 302, bytesSent: 0, completed: false }],
    [404, { kind: "completed", status: 404, bytesSent: 0, completed: true }],
  ];

  it.each(cases)("with status %i ends as %o", async (status, outcome) => {
    const outcomes: DownloadOutcome[] = [];
    const response = new ProxiedDownloadResponse({ status, onFinish: (told) => outcomes.push(told) });
    const { delivery } = await response.render(new Request("http://localhost/"));
    delivery.finish(status, 0);
    expect(outcomes).toEqual([outcome]);
  });
});

describe("an offloaded response that is refused later", () => {
  it.each([401, 403, 404, 500])("names no file with a %i", async (status) => {
    const response = new ProxiedDownloadResponse({ headers: { "X-Accel-Redirect": "/a", "X-Test": "1" } });
    response.status = status;
    const { headers } = await response.render(new Request("http://localhost/"));
    expect(headers).toEqual(["X-Test", "1"]);
  });
});
