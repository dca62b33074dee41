/** The bars of a table of bench/RESULTS.md: of each server its name, its figure, and a bar as long as that. */
export function barChart(results: string, heading: string): string {
  const section = results.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`bench/RESULTS.md has no table "${heading}"`);
  const [head = "", , ...rows] = section.match(/^\|.*\|$/gm) ?? [];
  const unit = cells(head)[1] ?? "";
  const bars = rows
    .map(cells)
    // What is no server of files but a limit is left to the page of the results.
    .filter(([name = ""]) => !name.includes("(limit)"))
    .map(([name = "", figure = ""]) => ({ name: name.replaceAll("`", ""), value: Number(figure) }))
    .filter(({ value }) => Number.isFinite(value))
    .toSorted((a, b) => a.value - b.value);
  const longest = Math.max(...bars.map(({ value }) => value));
  const lines = bars.map(({ name, value }, at) => {
    const y = at * 28;
    const own = name === "downloadview";
    const bar = `<rect x="230" y="${y + 4}" width="${Math.round((value / longest) * 400)}" height="18" rx="3" fill="currentColor" fill-opacity="${own ? 0.9 : 0.25}"/>`;
    const label = `<text x="220" y="${y + 18}" text-anchor="end"${own ? ' font-weight="600"' : ""}>${name}</text>`;
    const end = 236 + Math.round((value / longest) * 400);
    return `${label}${bar}<text x="${end}" y="${y + 18}">${value}</text>`;
  });
  const title = `${heading}: ${unit}, the shorter the better. ${bars.map(({ name, value }) => `${name} ${value}`).join(", ")}`;
  return `<span class="picture" tabindex="0"><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 ${bars.length * 28}" width="700" role="img" aria-label="${title}" fill="currentColor" font-size="14">${lines.join("")}</svg></span>\n<p><small>${heading}: ${unit}. The shorter the better.</small></p>\n`;
}

function cells(row: string): string[] {
  return row
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());
}
