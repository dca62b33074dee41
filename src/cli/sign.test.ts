import { describe, expect, it } from "vitest";
import { URLSigner } from "../signing/url-signer.ts";
import { runSign } from "./sign.ts";
import { runVerify } from "./verify.ts";

const secret = "0123456789abcdef0123456789abcdef";
const noon = Date.UTC(2026, 0, 1, 12);

interface Ran {
  code: number;
  out: string;
  err: string;
}

async function run(
  command: typeof runSign,
  args: string[],
  { env = { DOWNLOADVIEW_SECRET: secret }, time = noon }: { env?: Record<string, string>; time?: number } = {},
): Promise<Ran> {
  const ran = { out: "", err: "" };
  const io = {
    env,
    stdout: (text: string) => void (ran.out += text),
    stderr: (text: string) => void (ran.err += text),
  };
  const code = await command(args, io, () => new Date(time));
  return { code, ...ran };
}

async function signed(...args: string[]): Promise<string> {
  const { code, out, err } = await run(runSign, args);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out.trimEnd();
}

describe("downloadview sign", () => {
  it("prints a URL that the application verifies", async () => {
    const { code, out, err } = await run(runSign, ["https://example.com/plan.pdf?version=2"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.endsWith("\n")).toBe(true);
    const signer = new URLSigner({ secrets: secret, now: () => new Date(noon) });
    const expiresAt = new Date(noon + 3_600_000);
    expect(await signer.verify({ url: out.trim() })).toMatchObject({ ok: true, expiresAt });
  });

  it.each([
    ["90", 90],
    ["90s", 90],
    ["15m", 900],
    ["1h", 3600],
    ["7d", 604_800],
    ["2w", 1_209_600],
  ])("understands the duration %s", async (text, seconds) => {
    expect(await signed("/a", "--expires", text)).toContain(`X-Expires=${noon / 1000 + seconds}`);
  });

  it("makes a link that lasts for ever, if asked to", async () => {
    expect(await signed("/a", "--expires", "never")).not.toContain("X-Expires");
  });

  it("says how the file is presented", async () => {
    const response = ["--disposition", "inline", "--filename", "a b.txt", "--content-type", "text/plain"];
    const url = await signed("/a", ...response, "--cache-control", "no-store");
    expect((await run(runVerify, [url])).out).toBe(
      "valid until 2026-01-01T13:00:00.000Z\ndisposition: inline\nfilename: a b.txt\ncontentType: text/plain\ncacheControl: no-store\n",
    );
  });

  it("signs with the first secret of several, and takes none from the arguments", async () => {
    const env = { NEW: "f".repeat(32), OLD: secret };
    const names = ["--secret-env", "NEW", "--secret-env", "OLD"];
    const { out } = await run(runSign, ["/a", ...names], { env });
    expect(await run(runVerify, [out.trim(), "--secret-env", "NEW"], { env })).toMatchObject({ code: 0 });
    expect(await run(runVerify, [out.trim(), "--secret-env", "OLD"], { env })).toMatchObject({ code: 1 });
    expect(await run(runVerify, [await signed("/a"), ...names], { env })).toMatchObject({ code: 0 });
    expect(await run(runSign, ["/a", "--secret", secret])).toMatchObject({ code: 2, out: "" });
  });

  it.each([
    [[]],
    [["/a", "/b"]],
    [["a"]],
    [["/a\0"]],
    [["/a?X-Signature=b"]],
    [["/a", "--expires", "soon"]],
    [["/a", "--expires", "0"]],
    [["/a", "--unknown"]],
    [["/a", "--header", "nothing"]],
    [["/a", "--disposition", "form-data"]],
    [["/a", "--ip-prefix", "example.com"]],
    [["/a", "--secret-env", "UNSET"]],
  ])("says in one line what is wrong with %j", async (args) => {
    const { code, out, err } = await run(runSign, args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^downloadview sign: [^\n]+\n$/);
  });

  it("says which variable has to hold the secret, and never what it holds", async () => {
    expect((await run(runSign, ["/a"], { env: {} })).err).toContain("DOWNLOADVIEW_SECRET");
    expect((await run(runSign, ["/a"], { env: { DOWNLOADVIEW_SECRET: "s3cret" } })).err).not.toContain("s3cret");
  });

  it("explains itself", async () => {
    expect(await run(runSign, ["--help"])).toMatchObject({ code: 0, out: expect.stringContaining("--expires") });
    expect(await run(runVerify, ["-h"])).toMatchObject({ code: 0, out: expect.stringContaining("--ip") });
  });
});

describe("downloadview verify", () => {
  it.each([
    [[], []],
    [
      ["--purpose", "invoice"],
      ["--purpose", "invoice"],
    ],
    [
      ["--method", "PUT"],
      ["--method", "put"],
    ],
    [
      ["--header", "X-Tenant: seven"],
      ["--header", "x-tenant: seven"],
    ],
    [
      ["--ip-prefix", "203.0.113.0/24"],
      ["--ip", "203.0.113.7"],
    ],
    [["--bind-host"], ["--bind-host"]],
    [["--expires", "never"], []],
  ])("finds a URL valid that was signed with %j, with %j", async (signing, verifying) => {
    const url = await signed("https://example.com/a", ...signing);
    expect(await run(runVerify, [url, ...verifying])).toMatchObject({ code: 0, err: "" });
    if (verifying.length > 0) expect(await run(runVerify, [url])).toMatchObject({ code: 1, out: "invalid\n" });
  });

  it("says why a URL is refused", async () => {
    const url = await signed("/a");
    expect(await run(runVerify, ["/a"])).toEqual({ code: 1, out: "missing\n", err: "" });
    expect(await run(runVerify, [`${url}a`])).toEqual({ code: 1, out: "invalid\n", err: "" });
    expect(await run(runVerify, [url], { time: noon + 3_600_000 })).toEqual({ code: 1, out: "expired\n", err: "" });
  });

  it.each([[[]], [["/a", "--header", "a b: c"]], [["/a", "--header", "é: c"]]])(
    "can't be asked about %j",
    async (args) => {
      const { code, err } = await run(runVerify, args);
      expect(code).toBe(2);
      expect(err).toMatch(/^downloadview verify: [^\n]+\n$/);
    },
  );
});
