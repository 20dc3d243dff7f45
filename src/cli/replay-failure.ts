import { OptionsError } from "../config/options-error.ts";

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
