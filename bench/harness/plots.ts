/**
 * The plots of the documentation, as SVG. They are as wide as a phone, and scaled up on a larger screen: text must be legible on
 * both. Their color is that of the text around them, in the light and in the dark.
 */

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly kind: "ours" | "peer" | "limit";
}

export interface Line {
  readonly label: string;
  /** Undefined where it was not measured. */
  readonly values: readonly (number | undefined)[];
}

interface Head {
  /** Unique on a page. */
  readonly id: string;
  readonly title: string;
  readonly figure: string;
  /** All that is shown, for those who do not see it. */
  readonly description: string;
}

const width = 360;
const top = 48;

export function barPlot(head: Head, bars: readonly Bar[]): string {
  const step = 32;
  const longest = Math.max(...bars.map(({ value }) => value));
  const shown = bars
    .toSorted((a, b) => a.value - b.value)
    .map(({ label, value, kind }, at) => {
      const y = top + at * step;
      const length = Math.max(2, Math.round((value / longest) * width));
      const weight = kind === "ours" ? ' font-weight="600"' : "";
      const opacity = { ours: 1, peer: 0.45, limit: 0.2 }[kind];
      return [
        `  <text x="0" y="${y + 12}"${weight}>${escaped(label)}</text>`,
        `  <text x="${width}" y="${y + 12}" text-anchor="end"${weight}>${value}</text>`,
        `  <rect x="0" y="${y + 17}" width="${length}" height="9" rx="2" fill-opacity="${opacity}"/>`,
      ].join("\n");
    });
  return svg(head, top + bars.length * step, shown);
}

/** Lines over places that are named, at equal distances. The first one is ours. */
export function linePlot(head: Head, places: readonly string[], lines: readonly Line[]): string {
  const [left, right, legend] = [16, width - 28, 18];
  const plotTop = top + lines.length * legend + 16;
  const bottom = plotTop + 130;
  const highest = Math.max(...lines.flatMap(({ values }) => values).map((value) => value ?? 0));
  const x = (at: number): number => Math.round(left + (at / Math.max(1, places.length - 1)) * (right - left));
  const y = (value: number): number => Math.round(bottom - (value / highest) * (bottom - plotTop));
  const shown = lines.flatMap(({ label, values }, number) => {
    const dashes = ["", ' stroke-dasharray="6 4"', ' stroke-dasharray="2 3"'][number] ?? "";
    const stroke = `stroke="currentColor" stroke-width="${number === 0 ? 2.5 : 1.5}"${dashes} fill="none"`;
    const points = values.flatMap((value, at) => (value === undefined ? [] : [`${x(at)},${y(value)}`]));
    const labels = values.map((value, at) => {
      if (number > 0 || value === undefined) return "";
      return `\n  <text x="${x(at)}" y="${y(value) - 7}" text-anchor="middle" font-size="12">${value}</text>`;
    });
    const legendAt = top + number * legend;
    return [
      `  <path d="M0 ${legendAt + 8} h26" ${stroke}/>`,
      `  <text x="34" y="${legendAt + 12}">${escaped(label)}</text>`,
      `  <polyline points="${points.join(" ")}" ${stroke}/>${labels.join("")}`,
    ];
  });
  const axis = [
    `  <path d="M0 ${bottom} h${width}" stroke="currentColor" stroke-opacity="0.4" fill="none"/>`,
    ...places.map(
      (place, at) => `  <text x="${x(at)}" y="${bottom + 16}" text-anchor="middle" font-size="12">${place}</text>`,
    ),
  ];
  return svg(head, bottom + 24, [...shown, ...axis]);
}

function svg({ id, title, figure, description }: Head, height: number, content: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="480" style="min-width: 0" role="img" aria-labelledby="${id}-title" fill="currentColor" font-family="system-ui, sans-serif" font-size="13">
  <title id="${id}-title">${escaped(description)}</title>
  <style>:root { color: #1f2328 } @media (prefers-color-scheme: dark) { :root { color: #e6edf3 } }</style>
  <text x="0" y="14" font-weight="600">${escaped(title)}</text>
  <text x="0" y="32">${escaped(figure)}, less is better</text>
${content.join("\n")}
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
