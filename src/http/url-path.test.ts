import { describe, expect, it } from "vitest";
import { hasEncodedSeparator, rawUrlPath } from "./url-path.ts";

describe("rawUrlPath", () => {
  it.each([
    ["/a/b%2Fc?x=%2F#y", "/a/b%2Fc"],
    ["http://localhost:3000/a/../b", "/a/../b"],
    ["HTTPS://host", ""],
    ["//host/path", "//host/path"],
    ["*", "*"],
  ])("of %s is %j", (url, path) => {
    expect(rawUrlPath(url)).toBe(path);
  });
});

describe("a separator that was encoded in the URL", () => {
  it.each([
    ["/files/admin%2Fsecret.txt", "admin/secret.txt"],
    ["/files/admin%2fsecret.txt", "admin/secret.txt"],
    ["/files/admin%5Csecret.txt", "admin\\secret.txt"],
    ["/files/admin%5csecret.txt", "admin/secret.txt"],
    ["/files/admin\\secret.txt", "admin\\secret.txt"],
    ["/files/admin%252Fsecret.txt", "admin/secret.txt"],
    ["/files/admin%25252fsecret.txt", "admin/secret.txt"],
    ["/files/admin%255Csecret.txt", "admin\\secret.txt"],
    ["http://localhost/files/a/admin%2Fsecret.txt", "a/admin/secret.txt"],
    ["/files/admin%2Fsecret.txt/", "admin/secret.txt/"],
    ["/files/%2Fetc%2Fpasswd", "/etc/passwd"],
    ["/files/x%2F..%2Fadmin/secret.txt", "x/../admin/secret.txt"],
    ["/files/a%2Fb%2Fc/d", "a/b/c/d"],
    ["/files/admin%2F%73ecret.txt", "admin/secret.txt"],
    ["/files/%41dmin%2Fsecret.txt?a=b", "Admin/secret.txt"],
    ["/files/ADMIN%2FSecret.txt", "admin/secret.txt"],
    ["/files/%zz/admin%2Fsecret.txt", "admin/secret.txt"],
    // What the application puts around the parameter, and what its route takes off the segment.
    ["/files/admin%2Fsecret", "users/1/admin/secret.pdf"],
    ["/files-admin%2Fsecret.txt", "admin/secret.txt"],
    ["/files/admin%2Fsecret.txt.zip", "admin/secret.txt"],
    ["/files/report-admin%2Fx/y.txt", "admin/x/y.txt"],
    ["/files/v%2F1/v/1", "v/1"],
    [`/files/a%2F${"b".repeat(3000)}`, "c/d"],
  ])("is in %s for %j", (url, path) => {
    expect(hasEncodedSeparator(url, path)).toBe(true);
  });

  it.each([
    ["/files/admin/secret.txt", "admin/secret.txt"],
    ["/files/report.pdf", "report.pdf"],
    ["/files/a%20b/%C3%A9.txt", "a b/é.txt"],
    ["/tenants/a%2Fb/files/x/y.pdf", "x/y.pdf"],
    ["/tenants/a%2Fb/files/y.pdf", "y.pdf"],
    ["/files/sub/a%252Fb", "sub/a%2Fb"],
    ["/files/sub/100%25.txt", "sub/100%.txt"],
    ["/files/x/y.txt?back=%2Fx%2Fy.txt", "x/y.txt"],
    [`/files/c/d?${"%2F".repeat(1000)}`, "c/d"],
    ["/orders/2026%2F17", "/srv/invoices/88.pdf"],
  ])("is not in %s for %j", (url, path) => {
    expect(hasEncodedSeparator(url, path)).toBe(false);
  });
});
