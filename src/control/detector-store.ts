import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { describeSpec } from "../config/describe-spec.ts";
import { normalizeSpec } from "../config/detector-spec.ts";
import { OptionsError } from "../config/options-error.ts";
import type { Detector, DetectorConfig } from "../domain/detector.ts";
import { makeDirectory } from "../domain/make-directory.ts";
import { lockDirectory } from "./directory-lock.ts";

/** Raised when the file's shape changes; a newer one is refused. */
const FORMAT = 1;
const FILE = "detectors.json";

/** Which detectors there are, across restarts. What they have learned is not kept. */
export interface DetectorStore {
  load(): Promise<Map<string, DetectorConfig>>;
  /** Whole or not at all. */
  save(detectors: readonly Detector[]): Promise<void>;
}

/** A store that this process alone writes. */
export interface OpenDetectorStore extends DetectorStore {
  close(): Promise<void>;
}

/**
 * `detectors.json` under the data directory, made when it is not there: names and specifications in the JSON mapping of the
 * contract. Throws OptionsError when another process has it open.
 */
export async function openDetectorStore(directory: string): Promise<OpenDetectorStore> {
  await makeDirectory(directory);
  const release = await lockDirectory(directory);
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
      await syncDirectory(directory);
    },
    close: release,
  };
}

/** Makes the renaming itself last through a power cut, where the system can do that. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function parse(text: string, path: string): Map<string, DetectorConfig> {
  const stored = parseJson(text, path);
  if (!isStored(stored) || stored.format !== FORMAT) {
    throw new OptionsError(
      `${path} is not in format ${FORMAT}; it was written by another version of Weir. Move it away to start without its detectors`,
      1,
    );
  }
  return new Map(
    Object.entries(stored.detectors).map(([name, spec]) => [
      name,
      normalizeSpec(spec, `${path}: detectors.${name}`),
    ]),
  );
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OptionsError(
      `${path} is damaged; move it away to start without its detectors`,
      1,
      error,
    );
  }
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
