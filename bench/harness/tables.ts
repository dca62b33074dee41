/** A table of a report in Markdown, with the title of its section and the text before it. */
export interface Table {
  readonly title: string;
  readonly text: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function tablesIn(report: string): readonly Table[] {
  return report
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [head = "", , ...rows] = section.match(/^\|.*\|$/gm) ?? [];
      const title = section.slice(0, section.indexOf("\n"));
      const text = section.slice(title.length, section.indexOf("|")).trim();
      return { title, text, head: cellsOf(head), rows: rows.map(cellsOf) };
    });
}

/** What stands between the title and the first section: a paragraph, and the list of what was measured on. */
export function introductionOf(report: string): { text: string; machine: string } {
  const [, text = "", machine = ""] = /^# .*\n\n(.+)\n\n((?:- .*\n)*)/m.exec(report) ?? [];
  return { text, machine };
}

export function slugOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}

export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, column) => (column === 0 ? "---" : "---:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Undefined for a cell that says why there is no number. */
export function numberIn(cell: string | undefined): number | undefined {
  return cell === undefined || cell === "" || !Number.isFinite(Number(cell)) ? undefined : Number(cell);
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());
}
