import { configJsonSchema } from "../config/file-schema.ts";
import { OptionsError } from "../config/options-error.ts";
import type { Terminal } from "./terminal.ts";

/** `weir config-schema`: JSON Schema on standard output. */
export function printConfigSchema(argv: readonly string[], terminal: Terminal): number {
  if (argv.length > 0) throw new OptionsError("config-schema takes no arguments", 2);
  terminal.print(JSON.stringify(configJsonSchema(), null, 2));
  return 0;
}
