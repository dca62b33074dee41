/** The files that every application of the behaviour suite serves, by name. */
export const contents: Readonly<Record<string, Uint8Array>> = {
  "hello.txt": text("Hello, world!\n"),
  "été.txt": text("summer\n"),
  "empty.txt": text(""),
  "page.html": text("<script>alert(1)</script>\n"),
  "table.csv": text("id,name\n" + "1,somebody of no importance\n".repeat(2_000)),
  "variants/app.js": text("export const answer = 42;\n".repeat(100)),
  "variants/app.js.gz": text("stands for the compressed script\n"),
  "folder/inner.txt": text("inner\n"),
  "offloaded/movie.mp4": text("not really a movie\n"),
  "big.bin": pattern(8 * 1024 * 1024),
};

/** When they all were last modified, where the storage lets one say so. */
export const lastModified: Date = new Date("2024-05-17T12:00:00Z");

/** What signs URLs. */
export const secret: string = "behaviour-suite-0123456789abcdef";

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

/** Bytes of which no two places look alike, so that a piece in the wrong place shows. */
function pattern(size: number): Uint8Array {
  const words = new Uint32Array(size / 4);
  for (let at = 0, value = 1; at < words.length; at += 1)
    words[at] = value = (Math.imul(value, 1664525) + 1013904223) >>> 0;
  return new Uint8Array(words.buffer);
}
