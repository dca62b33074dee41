const secondsOf: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `90`, `90s`, `15m`, `1h`, `7d`, `2w` to seconds. Returns undefined if `text` is not a duration. */
export function parseDuration(text: string): number | undefined {
  const [found, amount, unit = ""] = /^(\d+)([smhdw]?)$/.exec(text) ?? [];
  return found === undefined ? undefined : Number(amount) * (secondsOf[unit] ?? 1);
}
