import { readConfig, type ConfigProblem } from "../config/config-file.ts";
import { makeDetector } from "../config/detector.ts";
import { formatProblems } from "../config/format-problems.ts";
import { readConfigText } from "../config/options.ts";
import { OptionsError } from "../config/options-error.ts";
import { didYouMean } from "../config/problems.ts";
import type { Detector, DetectorConfig } from "../domain/detector.ts";

/** A file with `detectors:` is a configuration as `weir start` takes it; any other one is a single detector's specification. */
export const hasDetectors = /^(?:detectors|"detectors"|'detectors')\s*:/m;
const looseName = "detector";
const INDENT = "    ";
const HEAD = ["detectors:", `  ${looseName}:`];

/** The detector of a file; of several the one that is named. Throws an OptionsError that shows what is wrong, by line. */
export function loadDetector(path: string, name: string | undefined): Detector {
  const detector = loadAnyDetector(path, name);
  if (detector.config.features.length === 0) {
    throw new OptionsError(
      `${path}: the detector ${detector.name} declares no features; add them under \`features:\``,
      1,
    );
  }
  return detector;
}

/** The same, of a detector with features or without. */
export function loadAnyDetector(path: string, name: string | undefined): Detector {
  const text = readConfigText(path, path);
  const detectors = hasDetectors.test(text) ? ofConfig(path, text) : ofSpec(path, text);
  const [chosen, config] = choose(path, detectors, name);
  return makeDetector(chosen, 0, config);
}

type Detectors = ReadonlyMap<string, DetectorConfig>;

function ofConfig(path: string, text: string): Detectors {
  const { detectors, problems } = readConfig(text);
  if (problems.length > 0) throw new OptionsError(formatProblems(path, text, problems), 1);
  return detectors;
}

/** As the one detector of a configuration, so that mistakes have their lines; those are then told without it. */
function ofSpec(path: string, text: string): Detectors {
  const indented = text.split("\n").map((line) => (line.trim() === "" ? line : INDENT + line));
  const { detectors, problems } = readConfig([...HEAD, ...indented].join("\n"));
  if (problems.length === 0) return detectors;
  const told = problems.map((problem): ConfigProblem => {
    const prefix = `detectors.${looseName}`;
    const inside = problem.path.startsWith(prefix) ? problem.path.slice(prefix.length + 1) : "";
    return {
      line: Math.max(1, problem.line - HEAD.length),
      column: Math.max(1, problem.column - INDENT.length),
      length: problem.length,
      path: inside,
      message: problem.message,
    };
  });
  throw new OptionsError(formatProblems(path, text, told), 1);
}

function choose(
  path: string,
  detectors: Detectors,
  name: string | undefined,
): [string, DetectorConfig] {
  const names = [...detectors.keys()];
  const [first] = detectors;
  if (name === undefined) {
    if (first !== undefined && detectors.size === 1) return first;
    const listed =
      names.length === 0 ? "no detector" : `${names.length} detectors: ${names.join(", ")}`;
    throw new OptionsError(
      `${path} has ${listed}; choose one with --name, or give a file with one`,
      2,
    );
  }
  const config = detectors.get(name);
  if (config !== undefined) return [name, config];
  const hint = didYouMean(name, names);
  const expected = hint === "" ? `; expected one of ${names.join(", ")}` : hint;
  throw new OptionsError(`${path} has no detector ${JSON.stringify(name)}${expected}`, 2);
}
