import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium, type Browser, type BrowserContext, type Download, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { seedsDir } from "../../demo/seed.ts";
import { requires } from "../support/requires.ts";
import { sha256, startDemo, type RunningDemo } from "./running-demo.ts";

const executablePath = "/usr/bin/chromium";
const hasChromium = requires(() => existsSync(executablePath), "apt-get install chromium");

const switches = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

describe.runIf(hasChromium)("the demo in Chromium", { timeout: 60_000 }, () => {
  let demo: RunningDemo;
  let browser: Browser;
  beforeAll(async () => {
    demo = await startDemo();
    browser = await chromium.launch({ executablePath, args: switches });
  });
  afterAll(async () => {
    await browser.close();
    await demo[Symbol.asyncDispose]();
  });

  let context: BrowserContext;
  let page: Page;
  /** What the page complains of. */
  let complaints: string[];
  beforeEach(async () => {
    context = await browser.newContext();
    page = await context.newPage();
    complaints = [];
    page.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())));
    page.on("pageerror", (error) => void complaints.push(error.message));
    await page.goto(demo.url);
  });
  afterEach(() => context.close());

  const rowOf = (name: string): Locator => page.locator("tbody tr", { hasText: name });
  const press = (name: string, button: string): Promise<void> => rowOf(name).getByText(button, { exact: true }).click();
  const seedSum = async (name: string): Promise<string> => sha256(await readFile(join(seedsDir, name)));
  const sumOf = async (download: Download): Promise<string> => sha256(await readFile(await download.path()));

  it("shows the library without a complaint, and fetches nothing from elsewhere", async () => {
    const hosts = new Set<string>();
    page.on("request", (request) => void hosts.add(new URL(request.url()).origin));
    await page.reload({ waitUntil: "load" });
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("A small document library");
    expect(await page.locator("tbody tr").count()).toBe(7);
    expect([...hosts]).toEqual([demo.url]);
    expect(complaints).toEqual([]);
  });

  it("fits a telephone", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
  });

  it.each([
    ["/documents/greetings", "Grüße aus 東京 🗼.txt", "greetings.txt"],
    ["/object/default-file/greetings", "greetings.txt", "greetings.txt"],
    ["/http/simple_url", "hello-world.txt", "hello-world.txt"],
  ])("saves what a link leads to under its name: %s", async (href, name, seed) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(`a[href="${href}"]`).click()]);
    expect(download.suggestedFilename()).toBe(name);
    expect(await sumOf(download)).toBe(await seedSum(seed));
  });

  it("shows the progress of a download, pauses it, resumes it by a range, and saves it whole", async () => {
    await press("Weather", "Download");
    const transfer = page.locator(".transfer");
    await transfer.getByText(/of 16 MB/).waitFor();
    await transfer.getByText("Pause").click();
    await transfer.getByText(/^Paused at/).waitFor();

    await page.getByText("Throttle to 2 MB/s").click();
    const ranged = page.waitForResponse((response) => response.status() === 206);
    const [download] = await Promise.all([page.waitForEvent("download"), transfer.getByText("Resume").click()]);
    const { range, "if-range": ifRange } = await (await ranged).request().allHeaders();
    expect(range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(ifRange).toBe(await (await ranged).headerValue("etag"));
    expect(download.suggestedFilename()).toBe("Weather at the lake, minute by minute.csv");
    expect(await sumOf(download)).toBe(sha256(await readFile(join(demo.dataDir, "files/object/weather.csv"))));
    await transfer.getByText("Saved, 16 MB").waitFor();
    expect(complaints).toEqual([]);
  });

  it("saves what is selected as one ZIP, also when its connection was closed midway", async () => {
    const button = page.getByRole("button", { name: "Download selected as ZIP" });
    expect(await button.isDisabled()).toBe(true);
    await page.getByLabel("Select Weather").check();
    await page.getByLabel("Select Grüße").check();
    await button.click();
    const transfer = page.locator(".transfer");
    await transfer.getByText(/of 16 MB/).waitFor();
    await transfer.getByText("Pause").click();
    await transfer.getByText(/^Paused at/).waitFor();

    await page.getByText("Throttle to 2 MB/s").click();
    const ranged = page.waitForResponse((response) => response.status() === 206);
    const [download] = await Promise.all([page.waitForEvent("download"), transfer.getByText("Resume").click()]);
    expect(new URL((await ranged).url()).pathname).toMatch(/^\/selections\/[0-9a-f]{32}$/);
    expect(download.suggestedFilename()).toBe("Selected documents.zip");
    const path = await download.path();
    const names = ["Weather at the lake, minute by minute.csv", "Grüße aus 東京 🗼.txt"];
    const { stdout } = await promisify(execFile)("unzip", ["-Z1", path], { env: { LC_ALL: "C.UTF-8" } });
    expect(stdout.trim().split("\n").sort()).toEqual(names.sort());
    await promisify(execFile)("unzip", ["-tqq", path]);
    expect(complaints).toEqual([]);
  });

  it("saves with progress under the same name as without", async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), press("Grüße", "Download")]);
    expect(download.suggestedFilename()).toBe("Grüße aus 東京 🗼.txt");
    expect(await sumOf(download)).toBe(await seedSum("greetings.txt"));
  });

  it("previews a picture", async () => {
    await press("Mountain lake", "Preview");
    const image = page.locator("#preview img");
    expect(await image.evaluate((element: HTMLImageElement) => element.decode().then(() => element.naturalWidth))).toBe(
      1280,
    );
    expect(complaints).toEqual([]);
  });

  it("plays the video, and jumps ahead by a range", async () => {
    const ranged = page.waitForResponse(async (response) => {
      const range = await response.headerValue("content-range");
      return response.status() === 206 && range !== null && !range.startsWith("bytes 0-");
    });
    await press("Sunset", "Preview");
    await page.locator("#preview video").waitFor();
    const time = await page.evaluate(`new Promise((resolve, reject) => {
      const video = document.querySelector("#preview video");
      video.muted = true;
      video.addEventListener("error", () => reject(video.error));
      video.addEventListener("seeked", () => resolve(video.currentTime));
      const jump = () => (video.currentTime = 20);
      if (video.readyState > 0) jump();
      else video.addEventListener("loadedmetadata", jump);
    })`);
    expect(time).toBe(20);
    expect((await ranged).status()).toBe(206);
    expect(complaints).toEqual([]);
  });

  it("stops the video when its preview is closed", async () => {
    await press("Sunset", "Preview");
    await page.locator("#preview video").waitFor();
    await page.locator("#preview").getByLabel("Close").click();
    await page.locator("#preview video").waitFor({ state: "detached" });
  });

  it("previews the beginning of a large text, by a range", async () => {
    const ranged = page.waitForResponse((response) => response.status() === 206);
    await press("Weather", "Preview");
    expect(await (await ranged).headerValue("content-range")).toMatch(/^bytes 0-8191\//);
    await page.locator("#preview pre").getByText("2025-01-01T00:00Z").waitFor();
    expect(await page.locator("#preview-note").textContent()).toContain("answered with 206");
  });

  it("previews the PDF in the browser's own viewer", async () => {
    await press("How a download travels", "Preview");
    const frame = await (await page.locator("#preview iframe").elementHandle())?.contentFrame();
    await frame?.waitForLoadState();
    expect(await frame?.evaluate("document.contentType")).toBe("application/pdf");
    expect(complaints).toEqual([]);
  });

  it.each(["hostile-page", "hostile-drawing"])("runs no script of %s, not even in a tab of its own", async (slug) => {
    // Without the page's own sandbox around it: what protects here is the response.
    await page.goto(`${demo.url}/object/inline-file/${slug}`);
    expect(await page.locator("#verdict").textContent()).toBe("No script ran");
    expect(complaints.join()).toContain("Blocked script execution");
  });

  it.each(["Hostile page.html", "Hostile drawing.svg"])("runs no script of %s in the preview", async (name) => {
    await press(name, "Preview");
    expect(await page.frameLocator("#preview iframe").locator("#verdict").textContent()).toBe("No script ran");
  });

  it("shows what went over the wire, explains a field, and asks again with the ETag", async () => {
    await press("Grüße", "Headers");
    const wire = page.getByRole("region", { name: "On the wire" });
    await wire.getByText("200 OK").waitFor();
    expect(await wire.locator("dl").last().textContent()).toContain("Content-Length529");
    expect(await wire.getByText("It decides 304s").isVisible()).toBe(false);
    await wire.getByRole("button", { name: "ETag" }).click();
    expect(await wire.getByText("It decides 304s").isVisible()).toBe(true);

    await wire.getByRole("button", { name: "Ask again" }).click();
    await wire.getByText("304 Not Modified").waitFor();
    expect(await wire.locator("dl").first().textContent()).toMatch(/If-None-Match"[0-9a-f]+-211"/);
  });

  it("shows the ranges that the video player asks for", async () => {
    await press("Sunset", "Preview");
    const wire = page.getByRole("region", { name: "On the wire" });
    await wire.getByText("206 Partial Content").waitFor();
    expect(await wire.locator("dl").first().textContent()).toContain("Sec-Fetch-Destvideo");
  });

  it("shows nobody else's requests", async () => {
    const other = await browser.newContext();
    const otherPage = await other.newPage();
    await otherPage.goto(demo.url);
    await press("Grüße", "Headers");
    await page.locator(".wire .line", { hasText: "200 OK" }).waitFor();
    await otherPage.locator("tbody tr", { hasText: "Mountain" }).getByText("Headers", { exact: true }).click();
    await otherPage.locator(".wire .chip").first().waitFor();
    expect(await otherPage.locator(".wire .chip").allTextContents()).toEqual(["HEAD /documents/mountain-lake 200"]);
    await other.close();
  });

  it("shows the field that is meant for a server, which is there for GET alone", async () => {
    await page.locator('[data-action="headers"][data-href="/nginx/modified_headers/"]').click();
    const wire = page.getByRole("region", { name: "On the wire" });
    await wire.locator(".line", { hasText: "GET /nginx/modified_headers/" }).waitFor();
    const fields = await wire.locator("dl").last().textContent();
    expect(fields).toContain("X-Accel-Redirect/nginx-modified-headers/hello-world.txt");
    expect(fields).toContain("X-Testheader");
    expect(complaints).toEqual([]);
  });

  it("resumes by itself after the line was cut", async () => {
    const ranged = page.waitForResponse((response) => response.status() === 206);
    await press("Weather", "Download");
    const transfer = page.locator(".transfer");
    await transfer.getByText(/^[1-9].*of 16 MB/).waitFor();
    await transfer.getByRole("button", { name: "Cut the line" }).click();
    expect((await (await ranged).request().allHeaders())["range"]).toMatch(/^bytes=[1-9]\d*-$/);
    await transfer.getByRole("button", { name: "Cancel" }).click();
  });

  it("pauses and resumes by the row's own button, which keeps the focus", async () => {
    await rowOf("Weather").getByRole("button", { name: "Download" }).focus();
    await page.keyboard.press("Enter");
    await page
      .locator(".transfer")
      .getByText(/of 16 MB/)
      .waitFor();
    await page.keyboard.press("Enter");
    await page
      .locator(".transfer")
      .getByText(/^Paused at/)
      .waitFor();
    expect(await page.evaluate("document.activeElement.ariaLabel")).toBe(
      "Resume Weather at the lake, minute by minute.csv",
    );
    expect(await page.locator("#said").textContent()).toMatch(/^Weather at the lake.*: Paused at/);
  });

  it("says that a document is gone, in the preview and in the list of transfers", async () => {
    await fetch(`${demo.url}/documents/how-a-download-travels`, { method: "DELETE" });
    await press("How a download travels", "Preview");
    await page.locator("#preview").getByText("This document is gone.").waitFor();
    await page.locator("#preview").getByLabel("Close").click();
    await press("How a download travels", "Download");
    const transfer = page.locator('.transfer[data-state="failed"]');
    await transfer.getByText("Failed: 404 Not Found").waitFor();
    await page.getByRole("button", { name: "Clear finished" }).click();
    await transfer.waitFor({ state: "detached" });
    page.once("dialog", (dialog) => void dialog.accept());
    await page.getByRole("button", { name: "Restore the first documents" }).click();
    await page.locator("#said").getByText("Restored").waitFor();
    expect((await fetch(`${demo.url}/documents/how-a-download-travels`)).status).toBe(200);
  });

  it("shows a user's own documents, and answers 404 for another's", async () => {
    await page.getByRole("button", { name: "Ada", exact: true }).click();
    await page.getByText("Signed in as Ada").waitFor();
    expect(await page.locator("tbody tr").allTextContents()).toHaveLength(8);
    await rowOf("Ada's diary").waitFor();
    await page.getByRole("button", { name: "Ask for it all the same" }).click();
    const wire = page.getByRole("region", { name: "On the wire" });
    await wire.locator(".line.bad", { hasText: "404 Not Found" }).waitFor();
  });

  it("shares a document by a link that is good for three downloads", async () => {
    await rowOf("Grüße").getByRole("button", { name: "Share" }).click();
    const dialog = page.locator("dialog#share");
    await dialog.getByText(/^3 of 3 downloads left · expires in (10:00|9:5\d)$/).waitFor();
    expect(await dialog.getByRole("img", { name: "QR code" }).isVisible()).toBe(true);
    const [download] = await Promise.all([page.waitForEvent("download"), dialog.getByText("Download with it").click()]);
    expect(await sumOf(download)).toBe(await seedSum("greetings.txt"));
    await dialog.getByText(/^2 of 3 downloads left/).waitFor();
    expect(complaints).toEqual([]);
  });

  it.each(["memory", "s3", "remote"])(
    "serves the same document from elsewhere, under the same name: %s",
    async (from) => {
      await page.getByLabel("From").selectOption(from);
      const [download] = await Promise.all([page.waitForEvent("download"), press("Grüße", "Download")]);
      expect(download.suggestedFilename()).toBe("Grüße aus 東京 🗼.txt");
      expect(await sumOf(download)).toBe(await seedSum("greetings.txt"));
    },
  );

  it("shows how a view is mounted in other frameworks, by tabs that the arrows move between", async () => {
    await page.getByRole("tab", { name: "Express" }).focus();
    await page.keyboard.press("ArrowRight");
    const panel = page.getByRole("tabpanel", { name: "Fastify" });
    expect(await panel.textContent()).toContain("toFastifyHandler");
    expect(await page.getByRole("tabpanel").count()).toBe(1);
  });

  it("shows the doctor's report of itself", async () => {
    await page.getByRole("button", { name: "Run the doctor" }).click();
    await page.locator("#diagnosis").getByText("[app-finds]").waitFor();
    expect(await page.locator("#diagnosis").textContent()).not.toContain("FAIL");
  });

  it("says that the server does not answer, instead of nothing", async () => {
    await page.route("**/documents/**", (route) => route.abort());
    await press("Grüße", "Headers");
    expect(await page.getByRole("alert").textContent()).toMatch(/^The server does not answer/);
    expect(complaints.filter((text) => !text.includes("Failed to load resource"))).toEqual([]);
  });

  it("shows what the server says of an upload that it refuses", async () => {
    await page.evaluate(`{
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["x"], "\u202e"));
      document.querySelector(".library").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    }`);
    await page.locator(".transfer").getByText("A document needs a name").waitFor();
  });

  it("shows a name with a right-to-left override as it will be kept", async () => {
    await page.evaluate(`{
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["x"], "annexe\u202etxt.exe"));
      document.querySelector(".library").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    }`);
    await page
      .locator(".transfer", { hasText: "annexetxt.exe" })
      .getByText(/^Uploaded/)
      .waitFor();
  });

  it("uploads a file, shows its name as it is, and deletes it", async () => {
    const name = `<img src=x onerror="document.title='pwned'"> & 'Zeugnis' 😈.txt`;
    const file = join(demo.scratchDir, name);
    await writeFile(file, "content");
    await page.setInputFiles("#upload", file);
    const row = rowOf("Zeugnis");
    await row.waitFor();
    expect(await row.locator("bdi").textContent()).toBe(name);
    await page.locator(".transfer", { hasText: "Uploaded, 7 B" }).waitFor();

    const [download] = await Promise.all([page.waitForEvent("download"), row.locator("a").click()]);
    expect(await readFile(await download.path(), "utf8")).toBe("content");

    page.once("dialog", (dialog) => void dialog.accept());
    await row.getByText("Delete", { exact: true }).click();
    await row.waitFor({ state: "detached" });
    expect(await page.title()).toBe("A small document library · downloadview");
    expect(complaints).toEqual([]);
  });

  it("takes files that are dropped", async () => {
    await page.evaluate(`{
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["dropped content"], "dropped.txt"));
      document.querySelector(".library").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    }`);
    await rowOf("dropped.txt").waitFor();
  });
});
