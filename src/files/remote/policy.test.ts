import { describe, expect, it } from "vitest";
import { ImproperlyConfiguredError, UpstreamError } from "../../errors.ts";
import { allowedUrl, assertPublic, remotePolicy, type RemotePolicy } from "./policy.ts";

const anyPublicHost = remotePolicy(undefined);

/** The reason why `url` is refused, or the URL that is requested. */
function verdict(url: string, policy: RemotePolicy = anyPublicHost): string {
  try {
    return allowedUrl(url, policy).href;
  } catch (error) {
    expect(error).toBeInstanceOf(UpstreamError);
    expect((error as UpstreamError).status).toBe(502);
    expect((error as UpstreamError).message).toBe("Upstream refused");
    return String((error as UpstreamError).cause);
  }
}

describe("A remote file without a list of hosts", () => {
  it.each([
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.0x1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.0.0.1./",
    "http://127.0.0.1:8080/",
    "https://127.0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://１２７.０.０.１/",
    "http://127。0。0。1/",
    "http:127.0.0.1",
    "http:\\\\127.0.0.1\\",
    "http://\t127.0.\n0.1/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
  ])("is not asked for at a loopback address, spelled %s", (url) => {
    expect(verdict(url)).toContain("is a loopback address; name it in allowedHosts");
  });

  it.each([
    ["http://localhost/", "a name of this machine"],
    ["http://LOCALHOST:3000/", "a name of this machine"],
    ["http://localhost./", "a name of this machine"],
    ["http://any.localhost/", "a name of this machine"],
    ["http://ｌｏｃａｌｈｏｓｔ/", "a name of this machine"],
    ["http://0/", "an unspecified address"],
    ["http://[::]/", "an unspecified address"],
    ["http://10.0.0.1/", "a private address"],
    ["http://[fd00:ec2::254]/", "a private address"],
    ["http://169.254.169.254/latest/meta-data/", "a link-local address"],
    ["http://0xa9fea9fe/", "a link-local address"],
    ["http://[::ffff:a9fe:a9fe]/", "a link-local address"],
    ["http://100.100.100.200/", "an address behind a carrier's NAT"],
    ["http://[ff02::1]/", "a multicast address"],
    ["http://[2001:db8::1]/", "an address for documentation"],
  ])("is not asked for at %s", (url, kind) => {
    expect(verdict(url)).toContain(`is ${kind}`);
  });

  it.each([
    ["file:///etc/passwd", "file: is neither http: nor https:"],
    ["ftp://files.example/a", "ftp: is neither"],
    ["data:,Hello", "data: is neither"],
    ["blob:https://files.example/1", "blob: is neither"],
    ["javascript:1", "javascript: is neither"],
    ["gopher://127.0.0.1:6379/_INFO", "gopher: is neither"],
    ["https://user:pass@files.example/", "credentials"],
    ["https://user@files.example/", "credentials"],
    ["", "not an absolute URL"],
    ["/etc/passwd", "not an absolute URL"],
    ["//files.example/a", "not an absolute URL"],
    ["files.example/a", "not an absolute URL"],
    ["http://", "not an absolute URL"],
    ["http://[fe80::1%25eth0]/", "not an absolute URL"],
    ["http://1.2.3.4.5/", "not an absolute URL"],
    ["http://256.0.0.1/", "not an absolute URL"],
    ["http://a b/", "not an absolute URL"],
    ["http://files.example:99999/", "not an absolute URL"],
  ])("is not asked for at %j", (url, why) => {
    expect(verdict(url)).toContain(why);
  });

  it.each([
    ["https://files.example/a?b=c", "https://files.example/a?b=c"],
    ["HTTP://FILES.example:8080/", "http://files.example:8080/"],
    ["https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"],
    ["http://1.1.1.1/", "http://1.1.1.1/"],
    ["http://[2606:4700:4700::1111]/", "http://[2606:4700:4700::1111]/"],
    ["http://localhost.example/", "http://localhost.example/"],
    ["http://notlocalhost/", "http://notlocalhost/"],
    ["http://127.0.0.1.example/", "http://127.0.0.1.example/"],
  ])("may be asked for at %s, as far as its URL tells", (url, href) => {
    expect(verdict(url)).toBe(href);
  });
});

describe("allowedHosts", () => {
  it.each([
    ["files.example", "https://files.example/"],
    ["files.example", "http://files.example/"],
    ["files.example", "http://files.example:80/"],
    ["files.example", "https://FILES.example./"],
    ["Files.Example.", "https://files.example/"],
    ["files.example:443", "https://files.example/"],
    ["files.example:08080", "http://files.example:8080/"],
    ["bücher.example", "https://xn--bcher-kva.example/"],
    ["127.0.0.1:8080", "http://2130706433:8080/"],
    ["0x7f.1:8080", "http://127.0.0.1:8080/"],
    ["[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080/"],
    ["[::1]", "http://[::1]/"],
    ["localhost", "http://localhost/"],
  ])("%s is %s", (entry, url) => {
    expect(verdict(url, remotePolicy(["other.example", entry]))).toMatch(/^https?:/);
  });

  it.each([
    ["files.example", "http://files.example:8080/"],
    ["files.example", "https://files.example:80/"],
    ["files.example:443", "http://files.example/"],
    ["files.example:8080", "http://files.example/"],
    ["files.example", "https://sub.files.example/"],
    ["files.example", "https://files.example.evil.example/"],
    ["files.example", "https://evilfiles.example/"],
    ["127.0.0.1", "http://127.0.0.2/"],
    ["127.0.0.1", "http://[::ffff:127.0.0.1]/"],
    ["localhost", "http://127.0.0.1/"],
  ])("%s is not %s", (entry, url) => {
    expect(verdict(url, remotePolicy([entry]))).toContain("not among allowedHosts");
  });

  it("allows nothing when it is empty", () => {
    expect(verdict("https://files.example/", remotePolicy([]))).toContain("not among allowedHosts");
  });

  it.each([["file://files.example/a"], ["https://user:pass@files.example/"]])("does not make %s right", (url) => {
    expect(verdict(url, remotePolicy(["files.example"]))).toContain("refused");
  });

  it.each([
    "",
    "https://files.example",
    "files.example/a",
    "user@files.example",
    "::1",
    "a b",
    "a:99999",
    "*.example",
    "a\\b",
  ])("cannot hold %j", (entry) => {
    expect(() => remotePolicy([entry])).toThrow(ImproperlyConfiguredError);
  });
});

describe("assertPublic", () => {
  it("looks at every address that a name has", () => {
    assertPublic("files.example", ["1.1.1.1", "2606:4700:4700::1111"]);
    expect(() => assertPublic("files.example", ["1.1.1.1", "10.0.0.1"])).toThrow(UpstreamError);
    expect(() => assertPublic("files.example", ["::ffff:10.0.0.1"])).toThrow(UpstreamError);
    expect(() => assertPublic("files.example", ["nonsense"])).toThrow(UpstreamError);
  });
});
