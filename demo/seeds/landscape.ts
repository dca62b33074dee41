/** A lake at sunset, as a function from a place and a moment to a color. The seeds' picture and video are made of it. */

export type Color = readonly [red: number, green: number, blue: number];
type Painter = (x: number, y: number) => Color;

/** The size that all the measures below are in. */
export const width = 1280;
export const height = 800;
const shore = 560;

interface Ridge {
  /** Mean height above the shore. */
  readonly rise: number;
  readonly rough: number;
  readonly seed: number;
  readonly color: Color;
  /** How far it moves past us, from the moment 0 to 1. */
  readonly drift: number;
}

/** From the farthest to the nearest. */
const ridges: readonly Ridge[] = [
  { rise: 190, rough: 70, seed: 1, color: [150, 104, 140], drift: 60 },
  { rise: 130, rough: 62, seed: 5, color: [104, 76, 124], drift: 130 },
  { rise: 72, rough: 46, seed: 9, color: [62, 52, 98], drift: 260 },
  { rise: 22, rough: 24, seed: 14, color: [30, 28, 62], drift: 480 },
];

const evening: readonly Color[] = [
  [28, 30, 68],
  [86, 62, 118],
  [196, 104, 124],
  [250, 170, 112],
  [255, 220, 160],
];

const night: readonly Color[] = [
  [8, 10, 30],
  [16, 18, 52],
  [40, 32, 82],
  [96, 56, 100],
  [150, 84, 104],
];

/** Paints the landscape at a moment: 0 is early evening, 1 is night. */
export function landscapeAt(moment: number): Painter {
  const skyAt = skyPainter(moment);
  const landAt = landPainter(moment, skyAt);
  const lakeAt = lakePainter(moment, landAt);
  return (x, y) => (y < shore ? landAt(x, y) : lakeAt(x, y));
}

function skyPainter(moment: number): Painter {
  const colors = evening.map((color, index) => mix(color, night[index] ?? color, moment));
  const sun = { x: 860, y: 330 + (moment - 0.25) * 260, radius: 54 };
  return (x, y) => {
    const distance = Math.hypot(x - sun.x, y - sun.y);
    if (distance < sun.radius) return [255, 244, 214];
    const glow = Math.exp((sun.radius - distance) / 120) * 0.75 * (1 - moment * 0.7);
    const star = isStar(Math.round(x), Math.round(y)) ? Math.max(moment - 0.35, 0) : 0;
    return mix(mix(gradient(colors, y / (shore - 60)), [255, 236, 190], glow), [255, 255, 255], star);
  };
}

function isStar(x: number, y: number): boolean {
  const noise = Math.sin((x >> 1) * 12.9898 + (y >> 1) * 78.233) * 43758.5453;
  return y < 320 && noise - Math.floor(noise) > 0.9994;
}

function landPainter(moment: number, skyAt: Painter): Painter {
  const tops = ridges.map((ridge) => Array.from({ length: width }, (_, x) => topOf(ridge, x + moment * ridge.drift)));
  return (x, y) => {
    for (let index = ridges.length - 1; index >= 0; index -= 1) {
      const top = tops[index]?.[Math.floor(x)] ?? 0;
      if (y >= top) return landColor(index, y - top, moment);
    }
    return skyAt(x, y);
  };
}

function topOf({ rise, rough, seed }: Ridge, x: number): number {
  let top = shore - rise;
  for (let octave = 0; octave < 7; octave += 1) {
    const frequency = 0.0035 * 1.9 ** octave;
    top -= Math.abs(Math.sin(x * frequency + seed * (octave + 1.7))) * rough * 0.56 ** octave - rough * 0.28 ** octave;
  }
  return top;
}

function landColor(index: number, below: number, moment: number): Color {
  const color = ridges[index]?.color ?? [0, 0, 0];
  const haze = Math.min(below / 260, 0.45) * (0.9 - index * 0.2);
  return mix(mix(color, [255, 190, 150], haze), [12, 12, 40], moment * 0.62);
}

/** The lake mirrors the land, darker and torn into ripples that grow towards us. */
function lakePainter(moment: number, landAt: Painter): Painter {
  const time = moment * 190;
  return (x, y) => {
    const depth = y - shore;
    const wave = Math.sin(depth * 1.1 - time + Math.sin(x * 0.012 + depth * 0.3 + time * 0.13) * 2);
    const ripple = Math.round(wave * (1 + depth * 0.035));
    const mirrored = landAt(clamp(x + ripple * 2, 0, width - 1), shore - Math.round(depth * 1.35) + ripple);
    return mix(mirrored, [24, 26, 66], 0.28 + depth / 620);
  };
}

function gradient(colors: readonly Color[], share: number): Color {
  const position = clamp(share, 0, 0.9999) * (colors.length - 1);
  const index = Math.floor(position);
  return mix(colors[index] ?? [0, 0, 0], colors[index + 1] ?? [0, 0, 0], position - index);
}

function mix(a: Color, b: Color, share: number): Color {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
