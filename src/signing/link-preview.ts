import type { DownloadRequest } from "../responses/handler.ts";

/**
 * Products that fetch a link only to show a preview, by a token of their `User-Agent`. Mail scanners are missing: they send
 * the `User-Agent` of a browser.
 */
const previewAgents = new RegExp(
  [
    "facebookexternalhit", // Facebook, Messenger, Instagram, iMessage
    "facebookcatalog",
    "meta-externalfetcher",
    "Twitterbot",
    "Slackbot",
    "Slack-ImgProxy",
    "Discordbot",
    "TelegramBot",
    "WhatsApp", // also Signal
    "LinkedInBot",
    "SkypeUriPreview", // also Microsoft Teams
    "MicrosoftPreview",
    "BingPreview",
    "Google-PageRenderer",
    "GoogleMessages",
    "redditbot",
    "Pinterestbot",
    "vkShare",
    "Viber",
    "Snapchat",
    "Mastodon/",
    "Iframely",
    "Embedly",
    "Synapse", // Matrix
    "mattermost-",
    "Rocket\\.Chat",
    "Nextcloud Server Crawler",
    "Zulip URL Preview",
    "Zoom Bot",
    "bitlybot",
    "Line/.*LinkPreview",
  ].join("|"),
  "i",
);

/**
 * Whether a request only prepares for a click, or shows a preview of the link: a browser's prefetch or prerender
 * (`Sec-Purpose`, https://fetch.spec.whatwg.org/#sec-purpose-header, and its older spellings), or a known preview agent.
 */
export function isLinkPreview({ headers }: DownloadRequest): boolean {
  return isSpeculative(headers) || previewAgents.test(headers.get("user-agent") ?? "");
}

function isSpeculative(headers: DownloadRequest["headers"]): boolean {
  const purposes = ["sec-purpose", "purpose", "x-purpose", "x-moz"].map((name) => headers.get(name) ?? "");
  return purposes.some((purpose) => /^\s*(?:prefetch|prerender|preview)\b/i.test(purpose));
}
