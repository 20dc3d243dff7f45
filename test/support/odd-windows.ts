import { normal } from "../kernel.ts";

type Cell = (random: () => number, row: number, column: number) => number;
/** Name, rows, columns, what a cell holds. */
export type OddWindow = readonly [name: string, rows: number, columns: number, cell: Cell];

/** Windows that a stream may well hold, for every kind. */
export const oddWindows: readonly OddWindow[] = [
  ["ordinary rows", 300, 3, (random) => normal(random)],
  ["constant rows", 60, 3, () => 7],
  ["a constant column", 60, 2, (random, _row, column) => (column === 0 ? 7 : normal(random))],
  ["one column", 60, 1, (random) => normal(random)],
  ["duplicates", 200, 2, (random) => Math.floor(random() * 2)],
  ["two rows", 2, 3, (random) => normal(random)],
  ["1e100", 60, 2, (random) => normal(random) * 1e100],
  ["1e-300", 60, 2, (random) => normal(random) * 1e-300],
  ["both", 60, 2, (random, row) => normal(random) * (row % 2 === 0 ? 1e100 : 1e-300)],
  ["a huge column", 60, 2, (random, _row, column) => normal(random) * (column === 0 ? 1e100 : 1)],
  ["zeros of both signs", 60, 2, (_random, row) => (row % 2 === 0 ? 0 : -0)],
];

/** Of any magnitude from 1e-300 to 1e100, missing, or zero. */
export function anyValue(random: () => number): number {
  const kind = random();
  if (kind < 0.05) return Number.NaN;
  if (kind < 0.1) return 0;
  if (kind < 0.15) return random() < 0.5 ? 1e100 : -1e100;
  if (kind < 0.5) return normal(random);
  return (random() * 2 - 1) * 10 ** (random() * 400 - 300);
}
