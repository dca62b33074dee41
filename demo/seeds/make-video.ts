/** Films `sunset.webm`, with the lapping of the lake for a sound: `npx tsx demo/seeds/make-video.ts`. Needs ffmpeg. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { height, landscapeAt, width } from "./landscape.ts";

const frameRate = 25;
const seconds = 24;
const film = { width: 960, height: 540 };

// 16:9 of a picture that is 16:10: a little less sky, a little less water.
const margin = (height - (width * film.height) / film.width) / 2;
const scale = width / film.width;

function frameAt(moment: number): Buffer {
  const colorAt = landscapeAt(moment);
  const frame = Buffer.alloc(film.width * film.height * 3);
  for (let y = 0; y < film.height; y += 1) {
    for (let x = 0; x < film.width; x += 1) {
      frame.set(colorAt(x * scale, Math.round(margin + y * scale)), (y * film.width + x) * 3);
    }
  }
  return frame;
}

const pictures = `-f rawvideo -pixel_format rgb24 -video_size ${film.width}x${film.height} -framerate ${frameRate} -i -`;
const lapping = `anoisesrc=color=brown:duration=${seconds}:seed=7:amplitude=0.5,tremolo=f=0.22:d=0.8,lowpass=f=700`;
const fades = `afade=in:duration=2,afade=out:start_time=${seconds - 3}:duration=3`;
const coding = "-c:v libvpx-vp9 -crf 17 -b:v 0 -row-mt 1 -g 75 -pix_fmt yuv420p -c:a libopus -b:a 48k -shortest";
const ffmpeg = spawn(
  "ffmpeg",
  [
    ...`-loglevel error -y ${pictures} -f lavfi -i ${lapping},${fades} ${coding} -fflags +bitexact`.split(" "),
    fileURLToPath(new URL("sunset.webm", import.meta.url)),
  ],
  { stdio: ["pipe", "inherit", "inherit"] },
);

for (let frame = 0; frame < frameRate * seconds; frame += 1) {
  if (!ffmpeg.stdin.write(frameAt(frame / (frameRate * seconds)))) await once(ffmpeg.stdin, "drain");
}
ffmpeg.stdin.end();
await once(ffmpeg, "close");
