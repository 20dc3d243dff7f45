import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { describeSpec } from "../config/describe-spec.ts";
import { normalizeSpec } from "../config/detector-spec.ts";
import type { Detector, DetectorConfig } from "../domain/detector.ts";

/** Raised when the file's shape changes; a newer one is refused. */
const FORMAT = 1;
const FILE = "detectors.json";

/** Which detectors there are, across restarts. What they have learned is not kept. */
export interface DetectorStore {
  load(): Promise<ReadonlyMap<string, DetectorConfig>>;
  /** Whole or not at all. */
  save(detectors: readonly Detector[]): Promise<void>;
}

/** `detectors.json` under the data directory: names and specifications in the JSON mapping of the contract. */
export function openDetectorStore(directory: string): DetectorStore {
  const path = join(directory, FILE);
  return {
    async load() {
      const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw error;
      });
      return text === undefined ? new Map() : parse(text, path);
    },
    async save(detectors) {
      await mkdir(directory, { recursive: true });
      const specs = Object.fromEntries(
        detectors.map(({ name, config }) => [name, describeSpec(config)]),
      );
      const temporary = `${path}.new`;
      const file = await open(temporary, "w");
      try {
        await file.writeFile(`${JSON.stringify({ format: FORMAT, detectors: specs }, null, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    },
  };
}

function parse(text: string, path: string): ReadonlyMap<string, DetectorConfig> {
  const stored: unknown = JSON.parse(text);
  if (!isStored(stored) || stored.format !== FORMAT) {
    throw new Error(
      `${path} is not in format ${FORMAT}; it was written by another version of Weir. Move it away to start without its detectors`,
    );
  }
  return new Map(
    Object.entries(stored.detectors).map(([name, spec]) => [
      name,
      normalizeSpec(spec, `${path}: detectors.${name}`),
    ]),
  );
}

function isStored(
  value: unknown,
): value is { format: number; detectors: Readonly<Record<string, unknown>> } {
  return (
    typeof value === "object" &&
    value !== null &&
    "format" in value &&
    "detectors" in value &&
    typeof value.detectors === "object" &&
    value.detectors !== null
  );
}
