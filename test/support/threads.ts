import { readdirSync, readFileSync } from "node:fs";

/** The nice value of every thread of this process, by its number: field 19 of its stat, counted after the name in brackets. */
export function niceOfThreads(): ReadonlyMap<number, number> {
  return new Map(
    readdirSync("/proc/self/task").flatMap((thread) => {
      try {
        const stat = readFileSync(`/proc/self/task/${thread}/stat`, "utf8");
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return [[Number(thread), Number(fields[16])] as const];
      } catch {
        return [];
      }
    }),
  );
}
