import { createHash } from "node:crypto";
import type { Kind } from "../src/models/kinds.ts";
import { Status } from "../src/shard/layout.ts";
import { hashOf, mulberry, TestShard } from "./kernel.ts";
import type { DetectorOptions, RowInput, RowOutput, TakenTraining } from "./kernel.ts";
import { ModelBench } from "./models.ts";

export interface WindowDetector extends DetectorOptions {
  readonly windowModel: NonNullable<DetectorOptions["windowModel"]>;
}

/** What a trainer does with the windows that it gets: a function of whose they are and when, never of a batch or shard. */
export interface Trainer {
  /** Rows of the stream from one look at the shards to the next. */
  readonly every: number;
  /** The longest that a training takes, in looks. */
  readonly delay: number;
  /** Share of the trainings that fail. */
  readonly failing: number;
}

/** Something that happened to a training after `row` rows of the stream. */
export interface TrainingEvent {
  readonly row: number;
  readonly keyHash: bigint;
  readonly version: number;
  /** undefined = it was dropped. */
  readonly model: Uint8Array | undefined;
}

interface Running {
  readonly shard: TestShard;
  readonly taken: TakenTraining;
  /** Looks until it is over. */
  left: number;
  readonly fails: boolean;
}

const benches = new Map<string, Promise<ModelBench>>();
const models = new Map<string, Uint8Array | undefined>();

/** Trains; undefined where the kind refuses the window. */
export async function train(
  path: string,
  kind: Kind,
  { rows, columns }: Pick<TakenTraining, "rows" | "columns">,
): Promise<Uint8Array | undefined> {
  const digest = createHash("md5").update(rows).digest("hex");
  const name = `${path} ${kind} ${columns} ${digest}`;
  if (models.has(name)) return models.get(name);
  const bench = await (benches.get(path) ?? ModelBench.make(path, 64 << 20));
  benches.set(path, Promise.resolve(bench));
  let model: Uint8Array | undefined;
  try {
    model = bench.fit(kind, rows, columns, { scaler: "standard" });
  } catch {
    model = undefined;
  }
  models.set(name, model);
  return model;
}

/** One detector in one or several shards, with a trainer behind them. */
export class WindowRig {
  readonly shards: readonly TestShard[];
  /** What happened to trainings, in order. */
  readonly events: TrainingEvent[] = [];
  rows = 0;
  private running: Running[] = [];
  private readonly path: string;
  private readonly detector: WindowDetector;
  private readonly trainer: Trainer;
  /** Instead of training: what happened in another run. */
  private replayed: readonly TrainingEvent[] | undefined;

  // oxlint-disable-next-line max-params -- a test's parts
  private constructor(
    path: string,
    detector: WindowDetector,
    trainer: Trainer,
    shards: readonly TestShard[],
  ) {
    this.path = path;
    this.detector = detector;
    this.trainer = trainer;
    this.shards = shards;
  }

  static async make(
    path: string,
    detector: WindowDetector,
    { trainer = patient, shards = 1, bytes = 24 << 20 }: RigOptions = {},
  ): Promise<WindowRig> {
    const made = await Promise.all(
      Array.from({ length: shards }, () => TestShard.make(path, bytes)),
    );
    for (const shard of made) {
      const status = shard.create(detector);
      if (status !== Status.OK) throw new Error(`create: status ${status}`);
    }
    return new WindowRig(path, detector, trainer, made);
  }

  replay(events: readonly TrainingEvent[]): void {
    this.replayed = events;
  }

  get shard(): TestShard {
    const [first] = this.shards;
    if (first === undefined) throw new Error("no shards");
    return first;
  }

  /** All rows, in batches cut by `seed`; the trainer looks at fixed rows of the stream. */
  async run(rows: readonly RowInput[], seed: number): Promise<RowOutput[]> {
    const random = mulberry(seed);
    const outputs: RowOutput[] = [];
    while (outputs.length < rows.length) {
      const untilLook = this.trainer.every - (this.rows % this.trainer.every);
      const count = Math.min(
        1 + Math.floor(random() * 20),
        untilLook,
        rows.length - outputs.length,
      );
      outputs.push(...this.step(rows.slice(outputs.length, outputs.length + count)));
      this.rows += count;
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      if (this.rows % this.trainer.every === 0) await this.look();
    }
    return outputs;
  }

  /** Whether every shard is sound. */
  get sound(): boolean {
    return this.shards.every((shard) => shard.kernel.verify() === 0);
  }

  /** Of all cells, whatever their shards. */
  get digest(): bigint {
    const sum = this.shards.reduce((total, shard) => total + shard.kernel.detectorDigest(0), 0n);
    return BigInt.asUintN(64, sum);
  }

  private step(rows: readonly RowInput[]): RowOutput[] {
    if (this.shards.length === 1) return this.shard.step(rows);
    const outputs: (RowOutput | undefined)[] = rows.map(() => undefined);
    for (const [s, shard] of this.shards.entries()) {
      const own = rows.flatMap((row, i) =>
        (hashOf(row.key ?? "")[0] & 255) % this.shards.length === s ? [{ row, i }] : [],
      );
      const done = shard.step(own.map(({ row }) => row));
      for (const [n, { i }] of own.entries()) outputs[i] = done[n];
    }
    return outputs.flatMap((output) => (output === undefined ? [] : [output]));
  }

  private async look(): Promise<void> {
    for (const shard of this.shards) {
      for (let taken = shard.take(); taken !== undefined; taken = shard.take()) {
        const random = mulberry(Number(taken.keyHash & 0xffffn) + taken.version + taken.position);
        const left = Math.floor(random() * (this.trainer.delay + 1));
        this.running.push({ shard, taken, left, fails: random() < this.trainer.failing });
      }
    }
    this.running.sort((a, b) => (a.taken.keyHash < b.taken.keyHash ? -1 : 1));
    if (this.replayed !== undefined) this.replayLook(this.replayed);
    else {
      for (const one of this.running) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        if (one.left === 0) await this.end(one);
      }
      this.running = this.running.filter((one) => one.left-- > 0);
    }
  }

  private async end({ shard, taken, fails }: Running): Promise<void> {
    const { kind } = this.detector.windowModel;
    const model = fails ? undefined : await train(this.path, kind, taken);
    const { keyHash, version } = taken;
    this.settle(shard, taken, model);
    this.events.push({ row: this.rows, keyHash, version, model });
  }

  private settle(shard: TestShard, taken: TakenTraining, model: Uint8Array | undefined): void {
    const status =
      model === undefined
        ? shard.kernel.dropTraining(taken.handle, 1)
        : shard.swap(taken.handle, model);
    if (status !== Status.OK && status !== Status.GONE) throw new Error(`swap: status ${status}`);
  }

  private replayLook(events: readonly TrainingEvent[]): void {
    for (const event of events) {
      if (event.row !== this.rows) continue;
      const at = this.running.findIndex(
        ({ taken }) => taken.keyHash === event.keyHash && taken.version === event.version,
      );
      const one = this.running[at];
      if (one === undefined) throw new Error("nothing to swap");
      this.running.splice(at, 1);
      this.settle(one.shard, one.taken, event.model);
    }
  }
}

interface RigOptions {
  readonly trainer?: Trainer;
  readonly shards?: number;
  readonly bytes?: number;
}

/** Looks at every row, and is done at once. */
export const patient: Trainer = { every: 1, delay: 0, failing: 0 };
