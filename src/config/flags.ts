import { parseArgs } from "node:util";
import { optionTable } from "./option-table.ts";
import { OptionsError } from "./options-error.ts";
import { nearest } from "./problems.ts";

/** Values by flag, without dashes. Throws an OptionsError about an unknown flag, or one without its value. */
export function parseFlags(argv: readonly string[]): ReadonlyMap<string, string> {
  const names = ["config", ...optionTable.map(({ flag }) => flag)];
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const flags = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      throw new OptionsError(
        `unexpected argument ${JSON.stringify(token.value)}\nRun "weir --help" for what there is.`,
        2,
      );
    }
    if (!names.includes(token.name)) throw unknown(token.rawName, names);
    if (token.value === undefined || (!token.inlineValue && token.value.startsWith("--"))) {
      throw new OptionsError(
        `${token.rawName} needs a value\nRun "weir --help" for all options.`,
        2,
      );
    }
    flags.set(token.name, token.value);
  }
  return flags;
}

function unknown(written: string, names: readonly string[]): OptionsError {
  const near = nearest(written.replace(/^-+/, ""), names);
  const hint = near === undefined ? "" : `; did you mean --${near}?`;
  return new OptionsError(
    `there is no option ${written}${hint}\nRun "weir --help" for all options.`,
    2,
  );
}
