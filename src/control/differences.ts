import { isDeepStrictEqual } from "node:util";
import type { DetectorConfig, Input } from "../domain/detector.ts";

/** The fields of the specification that differ, by their names in the domain. */
export function differingFields(known: DetectorConfig, wanted: DetectorConfig): readonly string[] {
  const other = new Map<string, unknown>(Object.entries(wanted));
  return Object.entries(known)
    .filter(([field, value]) => !isDeepStrictEqual(value, other.get(field)))
    .map(([field]) => field);
}

/** Which input the two encode differently, and how; undefined = none. */
export function differentlyEncoded(
  known: readonly Input[],
  wanted: readonly Input[],
): string | undefined {
  for (const { name, type, encoding = "none" } of known) {
    const other = wanted.find((input) => input.name === name && input.type === type);
    if (other === undefined || encoding === (other.encoding ?? "none")) continue;
    return `${name} is encoded as ${encoding}, not as ${other.encoding ?? "none"}`;
  }
  return undefined;
}
