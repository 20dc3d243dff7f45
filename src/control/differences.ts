import { isDeepStrictEqual } from "node:util";
import type { DetectorConfig } from "../domain/detector.ts";

/** The fields of the specification that differ, by their names in the domain. */
export function differingFields(known: DetectorConfig, wanted: DetectorConfig): readonly string[] {
  const other = new Map<string, unknown>(Object.entries(wanted));
  return Object.entries(known)
    .filter(([field, value]) => !isDeepStrictEqual(value, other.get(field)))
    .map(([field]) => field);
}
