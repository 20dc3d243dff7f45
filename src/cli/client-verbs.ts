import { backup } from "./backup.ts";
import { exportDetector } from "./export.ts";
import { importDetector } from "./import.ts";
import { rollback } from "./rollback.ts";
import { shadow } from "./shadow.ts";
import { snapshot } from "./snapshot.ts";
import { state } from "./state.ts";
import type { Terminal } from "./terminal.ts";
import { update } from "./update.ts";
import { versions } from "./versions.ts";

const run = {
  state,
  snapshot,
  backup,
  update,
  versions,
  rollback,
  shadow,
  export: exportDetector,
  import: importDetector,
} as const;

/** A verb that talks to a running server; resolves to the exit status. */
export function runClientVerb(
  verb: keyof typeof run,
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  return run[verb](argv, terminal);
}
