import { describe, expect, it } from "vitest";
import { isLinkPreview } from "./link-preview.ts";

const chromium =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";

describe("isLinkPreview", () => {
  it.each([
    [{ "Sec-Purpose": "prefetch" }, true],
    [{ "Sec-Purpose": "prefetch;prerender" }, true],
    [{ "Sec-Purpose": "prefetch;anonymous-client-ip" }, true],
    [{ Purpose: "prefetch" }, true],
    [{ "X-Purpose": "preview" }, true],
    [{ "X-Moz": "prefetch" }, true],
    [{ "User-Agent": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)" }, true],
    [{ "User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)" }, true],
    [{ "User-Agent": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)" }, true],
    [{ "User-Agent": "TelegramBot (like TwitterBot)" }, true],
    [{ "User-Agent": "WhatsApp/2.23.20.0 A" }, true],
    [{ "User-Agent": "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5" }, true],
    [{ "User-Agent": "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)" }, true],
    [{}, false],
    [{ "User-Agent": chromium }, false],
    [{ "User-Agent": "curl/7.88.1" }, false],
    [{ "User-Agent": "Wget/1.21.3" }, false],
    [{ "User-Agent": chromium, "Sec-Purpose": "navigate", "Sec-Fetch-Dest": "document" }, false],
  ])("%o: %s", (headers, expected) => {
    expect(isLinkPreview(new Request("http://localhost/", { headers }))).toBe(expected);
  });
});
