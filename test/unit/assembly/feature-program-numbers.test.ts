import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { limits } from "../../../src/config/limits.ts";
import { Timeliness } from "../../../src/domain/verdict.ts";
import * as mirror from "../../../src/shard/feature-program.ts";

const source = readFileSync(
  new URL("../../../assembly/feature/program.ts", import.meta.url),
  "utf8",
);

/** All numbers that the kernel's side names. */
const numbers = new Map(
  [...source.matchAll(/^export const (\w+): u32 = (\d+);$/gm)].map(([, name = "", value]) => [
    name,
    Number(value),
  ]),
);

/** Fields of a class of float64s, by their index. */
function fieldsOf(name: string): Readonly<Record<string, number>> {
  const body = new RegExp(`^export class ${name} \\{$([^}]*)^\\}$`, "m").exec(source)?.[1] ?? "";
  const fields = [...body.matchAll(/^ {2}(\w+): f64;/gm)].map(([, field = ""]) => field);
  return Object.fromEntries(fields.map((field, i) => [field, i]));
}

/** lastTimes and at_most as LAST_TIMES and AT_MOST. */
const upper = (name: string): string => name.replaceAll(/([A-Z])/g, "_$1").toUpperCase();

function prefixed(prefix: string, table: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(table).map(([name, value]) => [`${prefix}_${upper(name)}`, value]);
}

describe("the numbers of a feature program", () => {
  it("are the kernel's, every one", () => {
    const mine = new Map<string, number>([
      ["PROGRAM_FIELDS", mirror.Program.length],
      ["GROUP_FIELDS", mirror.Group.length],
      ["FEATURE_FIELDS", mirror.FeatureField.length],
      ["DERIVED_MAX", mirror.DERIVED_MAX],
      ["GROUPS_MAX", mirror.GROUPS_MAX],
      ["SOURCES_MAX", mirror.SOURCES_MAX],
      ["TRANSITIONS_MAX", mirror.TRANSITIONS_MAX],
      ...prefixed("WINDOW", mirror.WindowNumber),
      ...prefixed("FILTER", mirror.FilterNumber),
      ...prefixed("FEATURE", mirror.FeatureNumber),
      ...prefixed("NEEDS", mirror.NeedBits),
      ...prefixed("POLICY", mirror.TimePolicyNumber),
      ...Object.entries(Timeliness),
    ]);
    expect(Object.fromEntries(mine)).toEqual(Object.fromEntries(numbers));
  });

  it.each([
    ["Program", mirror.Program],
    ["Group", mirror.Group],
    ["Feature", mirror.FeatureField],
  ])("%s has its fields in the same places", (name, { length, ...fields }) => {
    expect(fields).toEqual(fieldsOf(name));
    expect(length).toBeGreaterThanOrEqual(Object.keys(fields).length);
  });

  it("bound what a specification may declare", () => {
    expect(limits.derivedFeaturesMax).toBe(mirror.DERIVED_MAX);
    // Each feature needs at most one group, and an input is at most one source.
    expect(mirror.GROUPS_MAX).toBeGreaterThanOrEqual(limits.derivedFeaturesMax);
    expect(limits.inputsMax).toBeLessThanOrEqual(mirror.SOURCES_MAX);
    expect(limits.zoneTransitionsMax).toBe(mirror.TRANSITIONS_MAX);
  });
});
