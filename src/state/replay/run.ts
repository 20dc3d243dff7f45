import { limits } from "../../config/limits.ts";
import type { Answered, Position, SlotSpec } from "../../shard/journal.ts";
import { DETECTORS_MAX, RowFlag } from "../../shard/layout.ts";
import type { ModelVerdict } from "../../shard/packed-rows.ts";
import type { Region } from "../../shard/region.ts";
import { decodeChange, Kind } from "../journal/entry.ts";
import type { Entry } from "../journal/entry.ts";
import { SnapshotDamage } from "../snapshot/format.ts";
import { LookAhead } from "./look-ahead.ts";
import { OtherRun } from "./other-run.ts";
import { Replica } from "./replica.ts";
import { stateKinds } from "./restore-shard.ts";
import type { ReplayedBatch, RunOptions, RunResult, SnapshotFiles } from "./run-types.ts";
import { slotDetector } from "../../report/slot-detector.ts";
import { Slots } from "./slots.ts";
import type { HeldSlot } from "./slots.ts";
import { TrainNow } from "./train-now.ts";

const PROGRESS_MS = 100;
/** Entries between two looks at the clock, and at the signal. */
const LOOK_EVERY = 64;
const kinds = [...stateKinds, Kind.PROCESS];

/**
 * Steps a stretch of a journal again, over all shards in the journal's order, from the newest sound snapshot before it. Synchronous: whoever calls it
 * has a thread or a process of its own. Throws ReplayError, JournalDamage, and an Error for a stretch whose state is not kept any more.
 */
export function run(options: RunOptions): RunResult {
  return new Run(options).go();
}

/** The batch that is shown to the visitor; one object for all of them. */
class Shown implements ReplayedBatch {
  entry: Entry;
  rows = 0;
  other: Region | undefined;
  readonly slots: Slots;
  private readonly ahead: LookAhead | undefined;
  private replica: Replica;

  constructor(
    slots: Slots,
    ahead: LookAhead | undefined,
    first: { readonly entry: Entry; readonly replica: Replica },
  ) {
    this.slots = slots;
    this.ahead = ahead;
    this.entry = first.entry;
    this.replica = first.replica;
  }

  show(entry: Entry, replica: Replica, rows: number): void {
    this.entry = entry;
    this.replica = replica;
    this.rows = rows;
    this.ahead?.goTo(entry);
  }

  get region(): Region {
    return this.replica.region;
  }

  key(row: number): Uint8Array {
    return this.replica.key(row);
  }

  id(row: number): Uint8Array {
    return this.replica.id(row);
  }

  arrivalMs(row: number): number {
    return this.replica.arrivalMs(row);
  }

  eventTimeMs(row: number): number {
    return this.replica.eventTimeMs(row);
  }

  op(row: number): number {
    return this.replica.op(row);
  }

  live(row: number): ModelVerdict | undefined {
    return this.ahead?.live(row);
  }

  answered(row: number): Answered | undefined {
    return this.ahead?.answer(row);
  }

  slot(index: number): SlotSpec | undefined {
    return this.slots.at(index);
  }

  isAside(row: number): boolean {
    return isAside(this.replica, row);
  }

  owner(row: number): SlotSpec | undefined {
    return this.slots.owner(this.replica.region.slot(row), this.isAside(row));
  }

  isShared(row: number): boolean {
    return (this.replica.flags(row) & RowFlag.SHARED) !== 0;
  }

  asked(row: number): string | undefined {
    return this.slots.asked(this.replica.region.slot(row), this.isAside(row));
  }
}

class Run {
  private readonly options: RunOptions;
  private readonly snapshot: SnapshotFiles | undefined;
  /** Entries behind it are read. */
  private readonly after: Position;
  private readonly slots: Slots;
  private readonly voids: ReadonlySet<Position>;
  private readonly replicas: (Replica | undefined)[] = [];
  private readonly other: OtherRun | undefined;
  private readonly ahead: LookAhead | undefined;
  /** Of shards whose state has been forgotten; it trains what is due. */
  private trainNow: TrainNow | undefined;
  private shown: Shown | undefined;
  private position: Position = 0;
  private rows = 0;
  private visited = 0;
  private begun = false;
  private toldAt = 0;

  constructor(options: RunOptions) {
    this.options = options;
    const { source, from } = options;
    const found = this.findSnapshot();
    this.snapshot = found?.snapshot;
    this.after = this.snapshot?.position ?? 0;
    if (this.snapshot === undefined && source.first > 1) {
      throw new Error(
        `the journal begins at position ${source.first}, and there is no sound snapshot before position ${from}: choose a later stretch${firstPossible(options)}`,
      );
    }
    this.slots = new Slots(found?.slots ?? new Map());
    this.voids = source.voids(this.after);
    const { other, module } = options;
    if (other !== undefined) {
      this.other = new OtherRun(other.detector, module, new TrainNow(module));
    }
    if (options.comparisons !== false) {
      const said = [Kind.VERDICTS, Kind.ANSWERS];
      this.ahead = new LookAhead(source.entries({ after: from - 1, kinds: said }));
    }
  }

  go(): RunResult {
    const { source, until, from } = this.options;
    let endedBy: RunResult["endedBy"] = "end";
    let entries = 0;
    try {
      for (const entry of source.entries({ after: this.after, until, kinds })) {
        if (entry.position >= from && !this.begun) this.begin();
        if (!this.take(entry)) {
          endedBy = "visitor";
          break;
        }
        if (entries++ % LOOK_EVERY !== 0) continue;
        if (this.options.signal?.aborted === true) {
          endedBy = "signal";
          break;
        }
        this.tell();
      }
    } finally {
      this.ahead?.close();
    }
    const { position, rows, visited, snapshot } = this;
    return { position, rows, visited, snapshot: snapshot?.position ?? 0, endedBy };
  }

  /**
   * The newest snapshot before the stretch whose slots can be read; another detector that is to learn from all rows there are begins with the
   * oldest one that the journal goes on from.
   */
  private findSnapshot():
    | { readonly snapshot: SnapshotFiles; readonly slots: ReadonlyMap<number, HeldSlot> }
    | undefined {
    const { source, from, other } = this.options;
    const usable = source
      .snapshots()
      .filter(({ position }) => position < from && position >= source.first - 1);
    const isWarm = other !== undefined && !other.cold;
    if (isWarm && source.first === 1) return undefined;
    for (const snapshot of isWarm ? usable.toReversed() : usable) {
      try {
        return { snapshot, slots: snapshot.slots() };
      } catch (error) {
        if (!(error instanceof SnapshotDamage)) throw error;
      }
    }
    return undefined;
  }

  /** The stretch begins with the next entry. */
  private begin(): void {
    this.begun = true;
    const { cold, module } = this.options;
    if (cold !== true) return;
    this.trainNow = new TrainNow(module);
    for (let shard = 0; shard < this.options.source.shards; shard++) {
      const { kernel } = this.replicaOf(shard);
      for (let slot = 0; slot < DETECTORS_MAX; slot++) kernel.resetDetector(slot);
    }
  }

  /** False = the visitor has seen enough. */
  private take(entry: Entry): boolean {
    if (entry.kind === Kind.PROCESS) {
      this.slots.apply(entry);
      return true;
    }
    const replica = this.replicaOf(entry.shard);
    this.position = entry.position;
    if (entry.kind !== Kind.ROWS) {
      this.change(entry, replica);
      return true;
    }
    const rows = replica.apply(entry);
    this.rows += rows;
    const isSeen = entry.position >= this.options.from;
    if (rows > 0) this.feedOther(replica, rows, isSeen);
    this.trainDue(replica);
    if (!isSeen || rows === 0) return true;
    this.visited += rows;
    this.shown ??= new Shown(this.slots, this.ahead, { entry, replica });
    this.shown.show(entry, replica, rows);
    this.shown.other = this.other?.region;
    return this.options.visit(this.shown) !== false;
  }

  private change(entry: Entry, replica: Replica): void {
    if (this.trainNow === undefined || !isOfTraining(entry)) replica.apply(entry);
    if (!this.voids.has(entry.position) && !replica.refused) this.slots.apply(entry);
  }

  private feedOther(replica: Replica, rows: number, isSeen: boolean): void {
    const { other } = this.options;
    if (other === undefined || (other.cold && !isSeen)) return;
    this.other?.feed(replica, rows, (row) => {
      const spec = this.slots.owner(replica.region.slot(row), isAside(replica, row));
      return spec?.name === other.name ? spec : undefined;
    });
  }

  private trainDue(replica: Replica): void {
    this.trainNow?.trainDue(replica, (slot) => {
      const spec = this.slots.at(slot);
      return spec === undefined ? undefined : slotDetector(spec, slot);
    });
  }

  private replicaOf(shard: number): Replica {
    const known = this.replicas[shard];
    if (known !== undefined) return known;
    const { module, source } = this.options;
    const { snapshot } = this;
    const bytes =
      Math.max(snapshot?.memoryBytes ?? 0, source.memoryBytes) || limits.shardMemoryBytesMax;
    let made: Replica;
    if (snapshot === undefined) {
      made = Replica.create(module, bytes, this.voids);
    } else {
      made = Replica.blank(module, bytes, this.voids);
      snapshot.read(shard, made.views.u8);
      made.position = snapshot.position;
    }
    this.replicas[shard] = made;
    return made;
  }

  private tell(): void {
    const { onProgress } = this.options;
    const now = performance.now();
    if (onProgress === undefined || now - this.toldAt < PROGRESS_MS) return;
    this.toldAt = now;
    const { position, rows, visited } = this;
    onProgress({ position, rows, visited });
  }
}

/** Whether a row was fed to a shadow, or to a version that learned, beside the one that answered. */
function isAside(replica: Replica, row: number): boolean {
  return (replica.flags(row) & RowFlag.SHADOW) !== 0;
}

function isOfTraining({ body }: Entry): boolean {
  const { kind } = decodeChange(body);
  return kind === "take" || kind === "swap" || kind === "drop";
}

function firstPossible({ source }: RunOptions): string {
  const first = firstPosition(source);
  return first === undefined ? "" : `, from position ${first} on`;
}

/** The first entry that a stretch may begin with: before it the state is not kept any more. Undefined = there is none. */
export function firstPosition(source: RunOptions["source"]): Position | undefined {
  if (source.first === 1) return 1;
  const oldest = source.snapshots().findLast(({ position }) => position >= source.first - 1);
  return oldest === undefined ? undefined : oldest.position + 1;
}
