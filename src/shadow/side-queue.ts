import { Placer } from "../admission/placer.ts";
import type { Admitted } from "../admission/beside.ts";
import { stageAgain } from "../admission/stage-again.ts";
import { Staged } from "../admission/staged.ts";
import { Mode } from "../domain/event.ts";
import { ARENA_BASE } from "../shard/layout.ts";
import { createMemory } from "../shard/module.ts";
import { movePacked } from "../shard/move-packed.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import { Shard, viewsOf } from "../shard/shard.ts";
import type { Segment } from "../shard/shard.ts";
import type { Pair } from "./pair.ts";
import type { Shadow } from "./shadow.ts";
import { SideBatch, SideRows } from "./side-rows.ts";
import type { SideSegment } from "./side-rows.ts";

/** Rows that are a batch whatever else waits: what a live row may have to wait for, when it comes while they are stepped. */
const BATCH_ROWS = 256;

/** The rows of one shard that wait for shadows. */
interface Lane {
  readonly live: Shard;
  /** Where rows gather until they are packed; no kernel sees this memory. */
  readonly side: Shard;
  /** Packed, in their order; the first may be on its way. */
  readonly batches: SideBatch[];
}

/** What waits for shadows, in the order in which the live ones got it: packed a shard, and stepped when the shard has nothing else to do. */
export class SideQueue {
  private readonly shards: ShardSet;
  private readonly lanes: readonly Lane[];
  private readonly staged = new Staged();
  /** Of rows that are staged for the shadow itself. */
  private readonly own: Placer;
  /** By stager of the live rows: of rows that both take as they are. */
  private readonly shared = new WeakMap<Staged, Placer>();
  private scheduled = false;
  /** Who keeps packed rows from their shards for a while. */
  private holds = 0;

  constructor(shards: ShardSet) {
    this.shards = shards;
    this.lanes = shards.shards.map((live) => {
      const memory = createMemory(ARENA_BASE);
      return { live, side: new Shard(live.index, memory, viewsOf(memory)), batches: [] };
    });
    this.own = this.placerOf(this.staged);
  }

  /** Queues a request's rows for a shadow, or sheds them. The live rows are placed. */
  add(shadow: Shadow, admitted: Admitted, pair: Pair | undefined): SideRows | undefined {
    const { mode, arrivalMs, now, sequence, rows } = admitted;
    const { runtime } = shadow;
    if (mode === Mode.HEARTBEAT && runtime.detector.program === undefined) return undefined;
    const { staged } = admitted;
    const rowBytes = 64 + runtime.sources.length * 8 + Math.ceil(staged.textLength / rows);
    const waiting = mode === Mode.HEARTBEAT ? rows * this.lanes.length : rows;
    if (!shadow.hasRoom(waiting, waiting * rowBytes)) {
      shadow.shed(waiting);
      return undefined;
    }
    let placer = this.own;
    try {
      if (takesAsStaged(shadow, admitted)) placer = this.sharedOf(staged);
      else stageAgain(runtime, admitted, this.staged);
      this.reserve(placer, shadow, admitted);
      if (placer === this.own) admitted.encoded?.fill(this.staged, runtime);
    } catch {
      // More rows than fit with its features, or keys that it has no room for.
      shadow.shed(waiting);
      return undefined;
    }
    runtime.sequence = sequence;
    const queued = new SideRows({
      shadow,
      runtime,
      mode,
      rowBytes,
      pair,
      now,
      shadows: true,
      liveShards: this.shards.shards,
    });
    placer.place(queued, mode, arrivalMs, now);
    for (const lane of this.lanes) if (lane.side.gathering.rows >= BATCH_ROWS) this.pack(lane);
    this.schedule();
    return queued;
  }

  /**
   * Puts all that waits among the live rows, behind those that gather there. False = there was no room for some of it, and it still waits; what is
   * being stepped is none of it. Until it is true for a shadow, rows that are admitted to it in the live way would overtake.
   */
  flush(): boolean {
    if (this.holds > 0) return false;
    let all = true;
    for (const lane of this.lanes) all = this.flushLane(lane) && all;
    this.shards.wake();
    return all;
  }

  /** From now on what waits goes on waiting, until `release` has been called as often. */
  hold(): void {
    this.holds++;
  }

  release(): void {
    this.holds--;
    if (this.holds > 0) return;
    for (const { live, batches } of this.lanes) {
      for (const batch of batches) if (!batch.isHanded) this.hand(live, batch);
    }
  }

  /** What waits for the shadow is not for it any more. */
  drop(shadow: Shadow): void {
    for (const rows of shadow.waiting) rows.drop();
  }

  private flushLane(lane: Lane): boolean {
    const { live, batches } = lane;
    this.pack(lane);
    for (const batch of batches.slice()) {
      const at = live.asides.indexOf(batch);
      // What is taken already is stepped before anything that gathers.
      if (at < 0) continue;
      const region = live.gathering;
      const first = region.rows;
      if (!movePacked(batch, region)) return false;
      live.asides.splice(at, 1);
      batches.splice(batches.indexOf(batch), 1);
      for (const segment of batch.segments) {
        const { owner, count } = segment;
        owner.moved(batch, segment.first, region, first + segment.first);
        live.add(
          { owner, first: first + segment.first, count, admittedAt: segment.admittedAt },
          owner.options.runtime.detector.config.batchWaitMs,
          (batch.work * count) / batch.rows,
        );
      }
    }
    return true;
  }

  private reserve(placer: Placer, { runtime }: Shadow, admitted: Admitted): void {
    const { mode, request, arrivalMs } = admitted;
    const asked = request.explain ? { ...request, explain: false } : request;
    try {
      placer.reserve(runtime, mode, asked, arrivalMs);
    } catch {
      // Wide rows may fill the regions before there are many of them.
      for (const lane of this.lanes) this.pack(lane);
      placer.reserve(runtime, mode, asked, arrivalMs);
    }
  }

  private placerOf(staged: Staged): Placer {
    const { shards } = this;
    const sides = this.lanes.map(({ side }) => side);
    return new Placer({ shards: sides, indexOf: (hashLo) => shards.indexOf(hashLo) }, staged);
  }

  private sharedOf(staged: Staged): Placer {
    const known = this.shared.get(staged);
    if (known !== undefined) return known;
    const made = this.placerOf(staged);
    this.shared.set(staged, made);
    return made;
  }

  /** A turn of the event loop later what came in it is packed, unless packed rows wait already: then it can gather on. */
  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      for (const lane of this.lanes) if (lane.batches.length === 0) this.pack(lane);
    });
  }

  private pack(lane: Lane): void {
    const { side, batches, live } = lane;
    if (side.gathering.rows === 0) return;
    const { work } = side;
    const { region, segments } = side.cut();
    const packed = new SideBatch(
      { region, views: side.views, work, queue: this },
      segments.map(sideSegment),
      (batch) => {
        const at = batches.indexOf(batch);
        if (at >= 0) batches.splice(at, 1);
        if (batches.length === 0) this.pack(lane);
      },
    );
    side.release({ region });
    batches.push(packed);
    if (this.holds === 0) this.hand(live, packed);
  }

  private hand(live: Shard, batch: SideBatch): void {
    batch.isHanded = true;
    this.shards.aside(live.index, batch);
  }
}

function sideSegment(segment: Segment): SideSegment {
  const { owner } = segment;
  if (!(owner instanceof SideRows)) throw new Error("a row that is not a shadow's");
  return { ...segment, owner };
}

/** Whether the shadow's model and features read of a row what the live one's do. */
function takesAsStaged({ runtime }: Shadow, { mode, runtime: live }: Admitted): boolean {
  if (mode === Mode.HEARTBEAT) return false;
  return (
    runtime.detector.encoding === live.detector.encoding &&
    runtime.modelFirst === live.modelFirst &&
    runtime.sources.length === live.sources.length &&
    runtime.sources.every(({ name }, i) => name === live.sources[i]?.name)
  );
}
