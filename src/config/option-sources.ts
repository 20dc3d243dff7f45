import { resolve } from "node:path";
import { readOptions } from "./config-file.ts";
import { optionTable, type OptionEntry } from "./option-table.ts";
import { OptionsError } from "./options-error.ts";
import { Problems, show } from "./problems.ts";

/** Options as a tree in the shape of the configuration file; unchecked. */
export interface OptionTree {
  readonly [name: string]: unknown;
}

/** The options of the command line or the environment, each checked alone so that a problem names its flag or variable. */
export function treeOf(
  read: (entry: OptionEntry) => string | undefined,
  nameOf: (entry: OptionEntry) => string,
): OptionTree {
  let tree: OptionTree = {};
  for (const entry of optionTable) {
    const written = read(entry);
    if (written === undefined) continue;
    const value = valueOf(entry, written);
    // The other half of a TLS pair may come from another source: required options are checked when all are merged.
    const required = entry.path[0] === "tls" ? { cert: "-", key: "-" } : {};
    const problems = new Problems(1);
    readOptions(branch(entry, value, required), problems);
    const [problem] = problems.list;
    if (problem !== undefined) {
      const message =
        entry.kind === "switch" ? `got ${show(written)}, expected on or off` : problem.message;
      const next = 'Run "weir --help" for all options.';
      throw new OptionsError(`${nameOf(entry)}: ${message}\n${next}`, 2);
    }
    tree = merge(tree, branch(entry, value));
  }
  return tree;
}

function valueOf(entry: OptionEntry, written: string): unknown {
  if (entry.kind === "number" && /^-?\d+(\.\d+)?$/.test(written)) return Number(written);
  if (entry.kind !== "switch") return written;
  if (/^(on|true|1|yes)$/i.test(written)) return true;
  return /^(off|false|0|no)$/i.test(written) ? false : written;
}

function branch(entry: OptionEntry, value: unknown, beside: OptionTree = {}): OptionTree {
  const [outer, inner] = entry.path;
  return { [outer]: inner === undefined ? value : { ...beside, [inner]: value } };
}

/** `over` wins, option by option. Lists are not merged. */
export function merge(under: OptionTree, over: OptionTree): OptionTree {
  const merged: Record<string, unknown> = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const below = merged[name];
    merged[name] = isTree(below) && isTree(value) ? merge(below, value) : value;
  }
  return merged;
}

function isTree(value: unknown): value is OptionTree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The tree with every path in it made absolute. */
export function withPaths(tree: OptionTree, directory: string): OptionTree {
  const at = (value: unknown) => (typeof value === "string" ? resolve(directory, value) : value);
  const made: Record<string, unknown> = { ...tree };
  if ("data" in tree) made["data"] = at(tree["data"]);
  const { tls } = tree;
  if (isTree(tls)) {
    made["tls"] = Object.fromEntries(Object.entries(tls).map(([name, path]) => [name, at(path)]));
  }
  return made;
}
