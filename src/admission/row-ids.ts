import { learns } from "../domain/event.ts";
import type { Verdicts } from "../domain/verdict.ts";
import { rowOf } from "./fallback.ts";
import { idName } from "./first-verdicts.ts";
import type { FirstVerdict } from "./first-verdicts.ts";
import type { PendingContext, PendingOptions } from "./pending.ts";

/** What is known of rows when the fallback answers them: nothing yet, that they were refused, scored and not on disk, or that their batch was left out. */
export type Outcome = "open" | "refused" | "undurable" | "lost";

/** The ids of a request in flight: which of its verdicts are not the one that is, or will be, on disk. */
export class RowIds {
  /** Rows whose verdict is no promise, whatever is on disk. */
  private unsure: number[] | undefined;
  /** Names of rows that have the shard's verdict of an earlier row. */
  private shared: string[] | undefined;
  private amends: FirstVerdict[] | undefined;

  private readonly options: PendingOptions;
  private readonly context: PendingContext;
  private readonly verdicts: Verdicts;

  constructor(options: PendingOptions, context: PendingContext, verdicts: Verdicts) {
    this.options = options;
    this.context = context;
    this.verdicts = verdicts;
  }

  /** Whether its id was just answered by the fallback; then the row has that verdict. */
  repeat(row: number): boolean {
    const { firstVerdicts } = this.options.runtime;
    if (firstVerdicts.size === 0) return false;
    const { key, id } = rowOf(this.options.request, row);
    const first = id === "" ? undefined : firstVerdicts.get(idName(key, id));
    if (first === undefined) return false;
    repeatVerdict(first, this.verdicts, row);
    (this.unsure ??= []).push(row);
    return true;
  }

  /** The fallback answered a row, and was the first to. `amend` is to be called after it. */
  fellBack(row: number, outcome: Outcome): void {
    const { mode, request, runtime } = this.options;
    const { firstVerdicts } = runtime;
    const { key, id } = rowOf(request, row);
    if (id === "") return;
    (this.unsure ??= []).push(row);
    if (!learns(mode) || outcome === "lost" || this.context.journal.failed) return;
    if (outcome === "undurable" && firstVerdicts.isShared(idName(key, id))) return;
    const first = { key, id, verdicts: this.verdicts, row, amends: outcome !== "open" };
    firstVerdicts.add(first);
    if (first.amends) (this.amends ??= []).push(first);
  }

  /**
   * The shard has met a row that nobody has answered. `isNew` = its verdict was made now, else repeated. What a fallback said of the id for a row
   * behind this one was no promise. True = the row has what a fallback said of its id.
   */
  met(row: number, isNew: boolean): boolean {
    const { request, runtime } = this.options;
    const { firstVerdicts } = runtime;
    if (isNew && firstVerdicts.size === 0) return false;
    const { key, id } = rowOf(request, row);
    if (id === "") return false;
    const name = idName(key, id);
    if (firstVerdicts.get(name)?.amends === true) return this.repeat(row);
    if (!isNew && this.context.acknowledges) {
      firstVerdicts.share(name);
      (this.shared ??= []).push(name);
    }
    return false;
  }

  /**
   * The shard has met, or lost, a row that was answered before. `isFirst` = it will remember it, or nothing, of this id. `amend` is to be called
   * after it.
   */
  metLate(row: number, isFirst: boolean): void {
    const { mode, request, runtime } = this.options;
    const { firstVerdicts } = runtime;
    if (firstVerdicts.size === 0 || !learns(mode)) return;
    const { key, id } = rowOf(request, row);
    const first = id === "" ? undefined : firstVerdicts.get(idName(key, id));
    if (first === undefined || first.amends) return;
    if (!isFirst || this.context.journal.failed) {
      firstVerdicts.delete(idName(key, id));
      return;
    }
    first.amends = true;
    (this.amends ??= []).push(first);
  }

  /** Sends the shards what they are to remember in the place of their own verdicts. */
  amend(): void {
    const { amends } = this;
    if (amends === undefined) return;
    this.amends = undefined;
    this.context.amend(this.options.runtime, amends);
  }

  /** The request is answered, or nobody waits for it any more. */
  release(): void {
    const { shared } = this;
    if (shared === undefined) return;
    this.shared = undefined;
    for (const name of shared) this.options.runtime.firstVerdicts.release(name);
  }

  /** Takes back what is no promise. */
  unmark(durables: Uint8Array): void {
    for (const row of this.unsure ?? []) durables[row] = 0;
  }
}

function repeatVerdict({ verdicts, row }: FirstVerdict, into: Verdicts, at: number): void {
  into.scores[at] = verdicts.scores[row] ?? Number.NaN;
  into.rawScores[at] = verdicts.rawScores[row] ?? 0;
  into.thresholds[at] = verdicts.thresholds[row] ?? 1;
  into.modelVersions[at] = verdicts.modelVersions[row] ?? 0;
  into.rules[at] = verdicts.rules[row] ?? -1;
  into.anomalies[at] = verdicts.anomalies[row] ?? 0;
  into.sources[at] = verdicts.sources[row] ?? 0;
  into.states[at] = verdicts.states[row] ?? 0;
  into.systemActions[at] = verdicts.systemActions[row] ?? 0;
  into.replayed[at] = 1;
}
