import { DetectorRuntime } from "../../src/admission/runtime.ts";
import { makeDetector } from "../../src/config/detector.ts";
import { describeSpec } from "../../src/config/describe-spec.ts";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { detectorBlock } from "../../src/control/detector-block.ts";
import type { Detector } from "../../src/domain/detector.ts";
import { applyChange } from "../../src/shard/apply-change.ts";
import type { Answered, Change, Position, SlotSpec } from "../../src/shard/journal.ts";
import { KeyHash } from "../../src/shard/key-hash.ts";
import { ARENA_BASE, Op, PAGE_BYTES, RowFlag, Status } from "../../src/shard/layout.ts";
import { createMemory, instantiate } from "../../src/shard/module.ts";
import type { ShardExports } from "../../src/shard/module.ts";
import { packVerdicts, verdictBytes } from "../../src/shard/packed-rows.ts";
import { emptyRow, Region } from "../../src/shard/region.ts";
import type { Views } from "../../src/shard/region.ts";
import { viewsOf } from "../../src/shard/shard.ts";
import { answersBytes, encodeChange, Kind, packAnswers } from "../../src/state/journal/entry.ts";
import type { Entry } from "../../src/state/journal/entry.ts";
import { arenaTop } from "../../src/state/replay/equal-memories.ts";
import type { SnapshotFiles, StateSource } from "../../src/state/replay/run-types.ts";
import { noTelemetry } from "../../src/telemetry/no-telemetry.ts";
import { pack, viewsOver } from "./replay-rig.ts";

const bytes = 32 << 20;
const shardsMax = 256;

/** A detector of a specification as a file has it. */
export function detectorOf(spec: object, name = "d", slot = 0): Detector {
  return makeDetector(name, slot, normalizeSpec(spec));
}

export interface SourceRow {
  readonly key: string;
  readonly values: readonly number[];
  readonly id?: string;
  readonly op?: number;
  /** Of the detector's slot; default 0. */
  readonly slot?: number;
}

interface LiveOne {
  readonly kernel: ShardExports;
  readonly views: Views;
  readonly region: Region;
}

/** Shards as a server drives them, and the journal of them in memory: a StateSource. */
export class LiveSource implements StateSource {
  readonly memoryBytes = bytes;
  readonly first = 1;
  readonly all: Entry[] = [];
  readonly shards: number;
  readonly detectors: Detector[] = [];
  /** Scores of every row of a batch, by position. */
  readonly scores = new Map<Position, number[]>();
  private readonly ones: readonly LiveOne[];
  private readonly taken: SnapshotFiles[] = [];
  private readonly encoder = new TextEncoder();
  private readonly hash = new KeyHash();
  private readonly slots = new Map<number, SlotSpec>();
  private arrivalMs = 1_700_000_000_000;
  private sequence = 0;

  constructor(module: WebAssembly.Module, shards: number) {
    this.shards = shards;
    this.ones = Array.from({ length: shards }, () => {
      const memory = createMemory(bytes);
      const kernel = instantiate(module, memory);
      if (kernel.initialize(bytes) !== Status.OK) throw new Error("no shard");
      const views = viewsOf(memory);
      return { kernel, views, region: new Region(1, views) };
    });
  }

  get last(): Position {
    return this.all.length;
  }

  memory(shard: number): Uint8Array {
    return this.one(shard).views.u8;
  }

  *entries(range: Parameters<StateSource["entries"]>[0]): Iterable<Entry> {
    const { after, until = this.last, shard, kinds } = range;
    for (const entry of this.all.slice(after, until)) {
      if (shard !== undefined && entry.shard !== shard) continue;
      if (kinds === undefined || kinds.includes(entry.kind)) yield entry;
    }
  }

  snapshots(): readonly SnapshotFiles[] {
    return this.taken.toReversed();
  }

  voids(after: Position): ReadonlySet<Position> {
    const voided = this.all.filter(({ kind, position }) => kind === Kind.VOID && position > after);
    return new Set(voided.map(({ body }) => new Float64Array(body.buffer)[0] ?? 0));
  }

  create(detector: Detector): void {
    const { name, config, slot } = detector;
    this.detectors[slot] = detector;
    const spec: SlotSpec = { name, version: 1, spec: describeSpec(config) };
    this.slots.set(slot, spec);
    const block = detectorBlock(detector);
    this.changeAll({ kind: "create", slot, block, spec: JSON.stringify(spec) });
  }

  changeAll(change: Change): void {
    for (let shard = 0; shard < this.shards; shard++) {
      this.append(Kind.CHANGE, { shard, rows: 0, body: encodeChange(change) });
      const { kernel, views } = this.one(shard);
      applyChange(kernel, views, change);
    }
  }

  /** Rows of one turn: a batch in each shard that owns any. Positions of the batches. */
  batch(rows: readonly SourceRow[], { lost = false } = {}): Position[] {
    for (const { region } of this.ones) region.clear();
    for (const row of rows) this.put(row);
    const positions: Position[] = [];
    const verdicts: (() => void)[] = [];
    for (const [shard, { kernel, views, region }] of this.ones.entries()) {
      if (region.rows === 0) continue;
      region.seal();
      const body = pack(region, views);
      const position = this.append(Kind.ROWS, { shard, rows: region.rows, body });
      if (lost) {
        this.appendVoid(shard, position);
        continue;
      }
      positions.push(position);
      kernel.step(region.index);
      this.scores.set(
        position,
        Array.from({ length: region.rows }, (_, row) => region.score(row)),
      );
      const made = packedVerdicts(position, region, views);
      verdicts.push(() => this.append(Kind.VERDICTS, { shard, rows: region.rows, body: made }));
    }
    // As live: after the batches of other shards were cut.
    for (const tell of verdicts.toReversed()) tell();
    return positions;
  }

  answer(answers: readonly Answered[]): void {
    const into = viewsOver(new ArrayBuffer((answersBytes(answers.length) + 7) & ~7));
    packAnswers(answers, into, 0);
    this.append(Kind.ANSWERS, { shard: 255, rows: answers.length, body: into.u8 });
  }

  /** What all shards are now. */
  snapshot(): void {
    const { last: position } = this;
    const copies = this.ones.map(({ views: { u8 } }) => [
      u8.slice(0, PAGE_BYTES),
      u8.slice(ARENA_BASE, arenaTop(u8)),
    ]);
    const slots = new Map(this.slots);
    this.taken.push({
      position,
      memoryBytes: bytes,
      slots: () =>
        new Map(
          Array.from(slots, ([slot, spec]) => [
            slot,
            { spec, shadowOf: undefined, live: spec, aside: undefined, asideOf: undefined },
          ]),
        ),
      read: (shard, into) => {
        const [root, arena] = copies[shard] ?? [];
        if (root === undefined || arena === undefined) throw new Error("no such shard");
        into.set(root);
        into.set(arena, ARENA_BASE);
      },
    });
  }

  private put({ key, values, id = "", op = Op.SCORE_AND_LEARN, slot = 0 }: SourceRow): void {
    const detector = this.detectors[slot];
    if (detector === undefined) throw new Error(`no detector in slot ${slot}`);
    const runtime = new DetectorRuntime(detector, noTelemetry.detector("d"));
    const clientBytes = this.encoder.encode(key);
    const clientHash = this.hashOf(clientBytes);
    const keyBytes = runtime.oneCell ? new Uint8Array(0) : clientBytes;
    const own = runtime.oneCell ? this.hashOf(keyBytes) : clientHash;
    const place = runtime.oneShard ? this.hashOf(new Uint8Array(0)) : own;
    const { region } = this.one((place[0] & (shardsMax - 1)) % this.shards);
    const idBytes = this.encoder.encode(id);
    this.arrivalMs += 1000;
    region.putRow({
      ...emptyRow(),
      slot,
      op,
      flags:
        (values.some(Number.isNaN) ? RowFlag.HAS_MISSING : 0) | (id === "" ? 0 : RowFlag.HAS_ID),
      keyOffset: region.putBytes(keyBytes, 0, keyBytes.length),
      keyLength: keyBytes.length,
      idOffset: region.putBytes(idBytes, 0, idBytes.length),
      idLength: idBytes.length,
      hashLo: own[0],
      hashHi: own[1],
      clientLo: clientHash[0],
      clientHi: clientHash[1],
      arrivalMs: this.arrivalMs,
      eventTimeMs: this.arrivalMs,
      valuesOffset: region.putValues(Float64Array.from(values), 0, values.length, runtime.derived),
      values: values.length,
      room: runtime.derived,
      sequence: id === "" ? this.sequence : ++this.sequence,
    });
  }

  private hashOf(text: Uint8Array): readonly [lo: number, hi: number] {
    this.hash.of(text, 0, text.length);
    return [this.hash.lo, this.hash.hi];
  }

  private appendVoid(shard: number, of: Position): void {
    const body = new Uint8Array(Float64Array.of(of).buffer);
    this.append(Kind.VOID, { shard, rows: 0, body });
  }

  private append(kind: Kind, entry: Pick<Entry, "shard" | "rows" | "body">): Position {
    const position = this.all.length + 1;
    this.all.push({ ...entry, kind, position, unixMs: position * 10 });
    return position;
  }

  private one(shard: number): LiveOne {
    const found = this.ones[shard];
    if (found === undefined) throw new Error(`no shard ${shard}`);
    return found;
  }
}

function packedVerdicts(of: Position, region: Region, views: Views): Uint8Array {
  const into = viewsOver(new ArrayBuffer(8 + verdictBytes(region.rows)));
  into.f64[0] = of;
  packVerdicts(region, views, into, 8);
  return into.u8;
}
