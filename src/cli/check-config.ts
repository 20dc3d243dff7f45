import { readConfig } from "../config/config-file.ts";
import { formatProblems } from "../config/format-problems.ts";
import { readConfigText } from "../config/options.ts";
import { OptionsError } from "../config/options-error.ts";
import type { Terminal } from "./terminal.ts";

/** `weir check-config FILE`: 0 = nothing is wrong, 1 = what is wrong was printed. */
export function checkConfigFile(argv: readonly string[], terminal: Terminal): number {
  const [path, ...rest] = argv;
  if (path === undefined || path.startsWith("-") || rest.length > 0) {
    throw new OptionsError("expected one file: weir check-config weir.yaml", 2);
  }
  const text = readConfigText(path, path);
  const { problems, detectors } = readConfig(text);
  if (problems.length > 0) {
    terminal.error(formatProblems(path, text, problems));
    return 1;
  }
  const names = [...detectors.keys()];
  const count = names.length === 1 ? "1 detector" : `${names.length} detectors`;
  const listed = names.length === 0 ? "" : `: ${names.join(", ")}`;
  terminal.print(`${path} is fine; ${count}${listed}`);
  return 0;
}
