/** Numbers, sizes and times as a person reads them; the contract's 64-bit integers come as digits, and absent = 0. */
type Written = string | number | undefined;

export function whole(value: Written): string {
  return Number(value ?? 0).toLocaleString("en-US");
}

const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value: Written): string {
  let size = Number(value ?? 0);
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit] ?? ""}`;
}

/** "" = none. */
export function time(unixMs: Written): string {
  const ms = Number(unixMs ?? 0);
  return ms === 0 ? "" : `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

export function share(value: number | undefined): string {
  return `${Number(((value ?? 0) * 100).toFixed(2))} %`;
}

/** Columns as wide as their cells, two spaces in between; the ones in `right` end at the same column. */
export function table(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): readonly string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => (row[i] ?? "").length)),
  );
  return rows.map((row) =>
    row
      .map((cell, i) =>
        right.has(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}
