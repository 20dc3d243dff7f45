import type { Due } from "../admission/deadlines.ts";
import type { DetectorRuntime } from "../admission/runtime.ts";
import type { Clock } from "../domain/clock.ts";
import type { Detector } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { BYTES_MAX, Op, ReadBits, ROWS_MAX, Status, VALUES_MAX } from "../shard/layout.ts";
import { emptyRow, type Region } from "../shard/region.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { RowsOwner, Shard } from "../shard/shard.ts";
import type { RequestSpan } from "../telemetry/telemetry.ts";
import type { Asked } from "./check-request.ts";
import type { FeatureReply, FeatureValues } from "./features.ts";
import type { KeyPlaces } from "./key-places.ts";
import type { InParts, Turns } from "./turns.ts";

/** One request has at most this share of a region at a time: it never keeps scoring out alone. */
const REGION_SHARE = 4;
/** And at most this much work in one shard, about 2 ms: scores wait behind it, and their budget is 25 ms. */
const PART_WORK_MAX = 10_000;
/** What readings of one part have in the shards together before the next of them takes turns, too: about 10 ms. */
const PLACED_WORK_MAX = 5 * PART_WORK_MAX;

/** What every reading in flight shares. */
export interface ReadingContext {
  readonly shards: Pick<ShardSet, "shards" | "indexOf" | "wake">;
  readonly clock: Clock;
  readonly find: (name: string) => Detector | undefined;
  /** Bytes of an answer over gRPC. */
  readonly answerBytesMax: number;
  /** Of readings that take more than one part, or come when many are placed. */
  readonly turns: Turns;
  /** Of readings that take no turns: the work that they have in the shards. */
  readonly placed: { work: number };
  /** A reading is over: answered, failed or cancelled. */
  readonly settled: (reading: Reading) => void;
}

export interface ReadingOptions {
  readonly runtime: DetectorRuntime;
  readonly places: KeyPlaces;
  readonly asked: Asked;
  readonly asOfMs: number;
  readonly arrivalMs: number;
  readonly receivedAt: number;
  readonly deadline: number;
  /** Of one row, as shards count it. */
  readonly rowWork: number;
  readonly reply: FeatureReply;
  /** Called once it has a place. */
  readonly startSpan: () => RequestSpan | undefined;
}

interface Placement {
  readonly shard: Shard;
  readonly region: Region;
  readonly generation: number;
  readonly first: number;
  readonly count: number;
}

const fields = emptyRow();
let missing = new Float64Array(0);

/**
 * A request for features in flight: its keys are rows that learn nothing. As many as may be in a region at a time are placed
 * together, the next when those are back; each key is read once, in one batch, as of one time.
 */
export class Reading implements RowsOwner, Due, InParts {
  readonly deadline: number;
  span: RequestSpan | undefined = undefined;
  previousDue: Due | undefined = undefined;
  nextDue: Due | undefined = undefined;
  readonly features: FeatureValues;
  readonly options: ReadingOptions;
  private readonly context: ReadingContext;
  /** float64s of a row: sources, features, bits. */
  private readonly valuesPerRow: number;
  private readonly shares: { rows: number; bytes: number; first: number }[];
  /** The first key that is not placed yet. */
  private next = 0;
  private outstanding = 0;
  private settled = false;
  private takesTurns = false;
  /** Its share of `ReadingContext.placed`. */
  private placedWork = 0;
  private answerBytes: number;
  private readonly nameBytes: readonly number[];
  private placements: Placement[] = [];

  /** Throws ANSWER_TOO_LARGE when it would be. */
  constructor(options: ReadingOptions, context: ReadingContext) {
    this.options = options;
    this.context = context;
    this.deadline = options.deadline;
    const { keys, bytes } = options.places;
    const { names } = options.asked;
    const { runtime } = options;
    this.valuesPerRow = runtime.sources.length + runtime.derived;
    this.nameBytes = names.map((name) => Buffer.byteLength(name) + 2);
    // A key's message has a tag, a length of up to 3 bytes, the key, three flags, and the values with a tag and a length.
    const fixed = keys.length * (20 + names.length * 8);
    this.answerBytes = fixed + sum(bytes) + sum(this.nameBytes);
    this.checkAnswer();
    this.features = {
      names,
      keys,
      timeUnixMs: options.asOfMs,
      values: new Float64Array(keys.length * names.length),
      defaulted: new Uint8Array(keys.length * names.length),
      known: new Uint8Array(keys.length),
      exact: new Uint8Array(keys.length),
      covered: new Uint8Array(keys.length),
    };
    this.shares = context.shards.shards.map(() => ({ rows: 0, bytes: 0, first: 0 }));
  }

  /** How many it reads. */
  get keys(): number {
    return this.options.places.keys.length;
  }

  /** Places what fits into one part, or waits for its turn to. Throws QUEUE_FULL, and then has placed nothing. */
  begin(): void {
    const { placed, turns } = this.context;
    const work = this.keys * this.options.rowWork;
    this.takesTurns = this.shareOut() < this.keys || placed.work + work > PLACED_WORK_MAX;
    if (this.takesTurns) {
      if (turns.take(this)) this.place();
      return;
    }
    this.checkRoom();
    this.placedWork = work;
    placed.work += work;
    this.place();
  }

  goOn(): void {
    const { detector } = this.options.runtime;
    try {
      if (this.context.find(detector.name) !== detector) throw this.removed();
      this.place();
    } catch (thrown) {
      this.fail(WeirError.from(thrown));
    }
  }

  /** Places as many of the keys that are left as may be in the regions at a time. */
  private place(): void {
    const { shards, clock } = this.context;
    const end = this.shareOut();
    this.checkRoom();
    if (this.next === 0) this.span = this.options.startSpan();
    this.placements = [];
    for (let key = this.next; key < end; key++) this.put(key);
    this.outstanding = end - this.next;
    this.next = end;
    const now = clock.now();
    for (const shard of shards.shards) {
      const share = this.shares[shard.index];
      if (share === undefined || share.rows === 0) continue;
      const { first, rows: count } = share;
      const { gathering: region } = shard;
      this.placements.push({ shard, region, generation: region.generation, first, count });
      const { runtime, rowWork } = this.options;
      const segment = { owner: this, first, count, admittedAt: now };
      shard.add(segment, runtime.detector.config.batchWaitMs, rowWork * count);
    }
    shards.wake();
  }

  done(region: Region, first: number, count: number): void {
    if (this.settled) return;
    for (let at = first; at < first + count; at++) {
      const status = region.status(at);
      if (status === Status.UNKNOWN_DETECTOR) {
        this.fail(this.removed());
        return;
      }
      if (status !== Status.OK) {
        this.fail(WeirError.from(new Error(`features could not be read: status ${status}`)));
        return;
      }
      this.take(region, at);
    }
    this.outstanding -= count;
    if (this.outstanding === 0) this.partDone();
  }

  lost(): void {
    this.fail(
      new WeirError(
        Code.UNAVAILABLE,
        "BATCH_LOST",
        "the batch that carried the request did not end; nothing depends on it, send it again",
        { retryAfterMs: this.options.runtime.detector.config.batchWaitMs },
      ),
    );
  }

  expire(): void {
    this.fail(
      new WeirError(
        Code.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
        "the features were not read within the caller's deadline",
        { retryAfterMs: this.options.runtime.detector.config.batchWaitMs },
      ),
    );
  }

  /** The caller went away. */
  cancel(): void {
    if (this.settled) return;
    this.settle();
    this.span?.end({ error: "CANCELLED" });
  }

  /** All rows that were placed are back. */
  private partDone(): void {
    const { runtime, reply, receivedAt } = this.options;
    const { turns } = this.context;
    try {
      this.checkAnswer();
    } catch (thrown) {
      this.fail(WeirError.from(thrown));
      return;
    }
    if (this.next < this.keys) {
      turns.end(this);
      if (turns.take(this)) this.goOn();
      return;
    }
    this.settle();
    const latencyUs = (this.context.clock.now() - receivedAt) * 1000;
    runtime.meter.featuresRead(this.keys, latencyUs);
    this.span?.end({});
    reply.answer(this.features);
  }

  /** What waits is not stepped, what is under way is not looked at. */
  private settle(): void {
    this.settled = true;
    this.context.placed.work -= this.placedWork;
    for (const { shard, region, generation, first, count } of this.placements) {
      if (this.outstanding === 0 || !shard.waits(region, generation)) continue;
      for (let at = first; at < first + count; at++) region.skip(at);
    }
    this.context.settled(this);
    if (this.takesTurns) this.context.turns.end(this);
  }

  private fail(error: WeirError): void {
    if (this.settled) return;
    this.settle();
    this.span?.end({ error: error.reason });
    this.options.reply.fail(error);
  }

  /** Counts what each shard gets of the next keys. The first key after them. */
  private shareOut(): number {
    const { keys, bytes, shard } = this.options.places;
    const valuesMax = VALUES_MAX / REGION_SHARE;
    const rowsMax = Math.min(
      ROWS_MAX / REGION_SHARE,
      valuesMax / this.valuesPerRow,
      Math.max(1, PART_WORK_MAX / this.options.rowWork),
    );
    for (const share of this.shares) {
      share.rows = 0;
      share.bytes = 0;
    }
    let key = this.next;
    for (; key < keys.length; key++) {
      const share = this.shares[shard[key] ?? 0];
      const length = bytes[key] ?? 0;
      if (share === undefined) continue;
      if (share.rows + 1 > rowsMax || share.bytes + length > BYTES_MAX / REGION_SHARE) break;
      share.rows++;
      share.bytes += length;
    }
    return key;
  }

  private checkRoom(): void {
    for (const { gathering, index } of this.context.shards.shards) {
      const share = this.shares[index];
      if (share === undefined || share.rows === 0) continue;
      share.first = gathering.rows;
      if (gathering.fits(share.rows, share.rows * this.valuesPerRow, share.bytes)) continue;
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "QUEUE_FULL",
        `shard ${index} has ${gathering.rows} rows waiting and no room for ${share.rows} more; the server is overloaded`,
        { retryAfterMs: this.options.runtime.detector.config.batchWaitMs },
      );
    }
  }

  private put(key: number): void {
    const { places, runtime, asOfMs, arrivalMs } = this.options;
    const region = this.context.shards.shards[places.shard[key] ?? 0]?.gathering;
    if (region === undefined) throw new Error("no shards");
    const sources = runtime.sources.length;
    if (missing.length < sources) missing = new Float64Array(sources).fill(Number.NaN);
    fields.slot = runtime.detector.slot;
    fields.op = Op.READ_FEATURES;
    fields.requestRow = key;
    fields.keyOffset = places.put(key, region);
    fields.keyLength = places.bytes[key] ?? 0;
    fields.hashLo = places.lo[key] ?? 0;
    fields.hashHi = places.hi[key] ?? 0;
    fields.clientLo = fields.hashLo;
    fields.clientHi = fields.hashHi;
    fields.arrivalMs = arrivalMs;
    fields.eventTimeMs = asOfMs;
    fields.sequence = runtime.sequence;
    fields.valuesOffset = region.putValues(missing, 0, sources, runtime.derived);
    region.putRow(fields);
  }

  /** Copies one key's features out of the region. */
  private take(region: Region, at: number): void {
    const { features, nameBytes } = this;
    const { runtime, asked } = this.options;
    const { positions } = asked;
    const key = region.requestRow(at);
    const first = runtime.sources.length;
    const bits = first + runtime.derived - 1;
    const low = region.bitsAfter(at, bits, 0);
    const high = region.bitsAfter(at, bits, 1);
    const row = key * positions.length;
    for (let i = 0; i < positions.length; i++) {
      const position = positions[i] ?? 0;
      features.values[row + i] = region.valueAfter(at, first + position);
      const half = position < 32 ? low : high;
      if (((half >>> (position & 31)) & 1) === 0) continue;
      features.defaulted[row + i] = 1;
      this.answerBytes += nameBytes[i] ?? 0;
    }
    const state = region.state(at);
    features.known[key] = state & ReadBits.KNOWN ? 1 : 0;
    features.exact[key] = state & ReadBits.EXACT ? 1 : 0;
    features.covered[key] = state & ReadBits.COVERED ? 1 : 0;
  }

  private checkAnswer(): void {
    const { answerBytesMax } = this.context;
    if (this.answerBytes <= answerBytesMax) return;
    const message = `the answer would take ${this.answerBytes} bytes or more, over ${answerBytesMax}`;
    throw new WeirError(
      Code.RESOURCE_EXHAUSTED,
      "ANSWER_TOO_LARGE",
      `keys: ${message}; ask for fewer keys or features`,
      { violations: [{ field: "keys", message }] },
    );
  }

  private removed(): WeirError {
    return new WeirError(
      Code.FAILED_PRECONDITION,
      "DETECTOR_REMOVED",
      `detector "${this.options.runtime.detector.name}" was deleted while the request was in flight`,
    );
  }
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
