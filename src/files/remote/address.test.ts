import { describe, expect, it } from "vitest";
import { whyNotPublic } from "./policy.ts";

describe("whyNotPublic", () => {
  it.each([
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "unspecified"],
    ["10.0.0.1", "private"],
    ["100.64.0.1", "carrier"],
    ["100.100.100.200", "carrier"],
    ["100.127.255.255", "carrier"],
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["168.63.129.16", "cloud"],
    ["169.254.169.254", "link-local"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.0.0.192", "protocols"],
    ["192.0.2.1", "documentation"],
    ["192.88.99.1", "protocols"],
    ["192.168.1.1", "private"],
    ["198.18.0.1", "benchmarks"],
    ["198.19.255.255", "benchmarks"],
    ["198.51.100.1", "documentation"],
    ["203.0.113.1", "documentation"],
    ["224.0.0.1", "multicast"],
    ["239.255.255.255", "multicast"],
    ["240.0.0.1", "reserved"],
    ["255.255.255.255", "reserved"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["0:0:0:0:0:0:0:1", "loopback"],
    ["::7f00:1", "reserved"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:7f00:1", "loopback"],
    ["0:0:0:0:0:FFFF:10.0.0.1", "private"],
    ["::ffff:0:10.0.0.1", "reserved"],
    ["64:ff9b::10.0.0.1", "private"],
    ["64:ff9b::a9fe:a9fe", "link-local"],
    ["64:ff9b:1::a00:1", "reserved"],
    ["100::1", "reserved"],
    ["2001::1", "protocols"],
    ["2001:2::1", "protocols"],
    ["2001:10::1", "protocols"],
    ["2001:db8::1", "documentation"],
    ["2002:7f00:1::1", "loopback"],
    ["2002:c0a8:101::", "private"],
    ["3fff::1", "documentation"],
    ["4000::1", "reserved"],
    ["5f00::1", "reserved"],
    ["fc00::1", "private"],
    ["fd00:ec2::254", "private"],
    ["fe80::1", "link-local"],
    ["fe80::1%eth0", "link-local"],
    ["fec0::1", "private"],
    ["ff02::1", "multicast"],
  ])("tells that %s is %s", (address, kind) => {
    expect(whyNotPublic(address)).toContain(kind);
  });

  it.each([
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.17",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
    "2001:200::1",
    "2002:101:101::1",
    "2606:4700:4700::1111",
  ])("has nothing to say against %s", (address) => {
    expect(whyNotPublic(address)).toBeUndefined();
  });

  it.each(["", "localhost", "1.1.1", "1.1.1.1/8", "1.1.1.256", "2606::1::1", "[::1]"])("takes %j for none", (text) => {
    expect(whyNotPublic(text)).toBe("not an address");
  });
});
