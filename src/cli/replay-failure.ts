import { OptionsError } from "../config/options-error.ts";
import type { StateSource } from "../state/replay/run-types.ts";

/** An OptionsError for a directory whose journal has no entry. */
export function checkJournal(directory: string, { first, last }: StateSource): void {
  if (last >= first) return;
  throw new OptionsError(
    `${directory} has no journal, so its past verdicts are not known: it is a backup, or was restored from one, without its rows. Look in the data directory of the server that made it, or make the next backup with weir backup --journal`,
    1,
  );
}

/** Errors whose message tells what is wrong with the data, the options or the disk, and what to do; anything else is a mistake of this program. */
const told: ReadonlySet<string> = new Set([
  "Error",
  "WeirError",
  "JournalDamage",
  "NewerJournal",
  "SnapshotDamage",
  "SnapshotOfOtherVersion",
  "ReplayError",
]);

/** Does what reads a data directory; a failure that has a reason in it ends with its message alone, exit status 1. */
export function reading<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (thrown) {
    if (!(thrown instanceof Error) || !told.has(thrown.name)) throw thrown;
    const hint =
      thrown.name === "JournalDamage" || thrown.name === "ReplayError"
        ? "\nWhat is sound: weir verify"
        : "";
    throw new OptionsError(`${thrown.message}${hint}`, 1, thrown);
  }
}
