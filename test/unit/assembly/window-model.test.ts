import { describe, expect, it } from "vitest";
import type { Kind } from "../../../src/models/kinds.ts";
import { Op, Status } from "../../../src/shard/layout.ts";
import { State } from "../../../src/domain/verdict.ts";
import { builds, mulberry, normal, TestShard } from "../../kernel.ts";
import type { RowInput, TakenTraining, WindowModelOptions } from "../../kernel.ts";
import { train } from "../../window-rig.ts";

const features = 3;
const small: WindowModelOptions = {
  kind: "ecod",
  windowRows: 20,
  minSamples: 10,
  retrainInterval: 7,
};

async function make(path: string, model: Partial<WindowModelOptions> = {}, bytes = 24 << 20) {
  const shard = await TestShard.make(path, bytes);
  const options = { features, threshold: 0.5, burnIn: 0, keysPerPartition: 4 };
  expect(shard.create({ ...options, windowModel: { ...small, ...model } })).toBe(Status.OK);
  return shard;
}

function rowsOf(count: number, seed: number, key = ""): RowInput[] {
  const random = mulberry(seed);
  return Array.from({ length: count }, (_, i) => ({
    key,
    arrivalMs: i,
    values: Array.from({ length: features }, () => normal(random)),
  }));
}

/** A model of a window, whatever its kind thinks of it. */
async function modelOf(path: string, taken: TakenTraining, kind: Kind = "ecod") {
  const model = await train(path, kind, taken);
  if (model === undefined) throw new Error("the kind refused the window");
  return model;
}

describe.each(builds)("window models, %s build", (_name, path) => {
  it("are due at min_samples rows, then retrain_interval rows after the window they came from", async () => {
    const shard = await make(path);
    const seen: { position: number; dueAt: number; version: number; rows: number }[] = [];
    const versions: number[] = [];
    for (const row of rowsOf(40, 1)) {
      const [output] = shard.step([row]);
      versions.push(output!.modelVersion);
      const taken = shard.take();
      if (taken === undefined) continue;
      seen.push({ ...pick(taken), rows: taken.rows.length / taken.columns });
      expect(shard.swap(taken.handle, await modelOf(path, taken))).toBe(Status.OK);
      expect(shard.kernel.swapPosition()).toBe(taken.position);
    }
    expect(seen).toEqual([
      { position: 10, dueAt: 10, version: 1, rows: 10 },
      { position: 17, dueAt: 17, version: 2, rows: 17 },
      { position: 24, dueAt: 24, version: 3, rows: 20 },
      { position: 31, dueAt: 31, version: 4, rows: 20 },
      { position: 38, dueAt: 38, version: 5, rows: 20 },
    ]);
    // A row is scored by the model that was there before it.
    expect(versions.slice(8, 12)).toEqual([0, 0, 1, 1]);
    expect(versions.slice(16, 19)).toEqual([1, 2, 2]);
    expect(shard.counter("cellPosition")).toBe(40);
    expect(shard.counter("cellTrainedAt")).toBe(38);
    expect(shard.counter("cellVersion")).toBe(5);
    expect(shard.counter("cellRows")).toBe(20);
  });

  it("are due at the same rows however long trainings take, within the interval", async () => {
    const shard = await make(path);
    const positions: number[] = [];
    let running: TakenTraining | undefined;
    for (const [i, row] of rowsOf(40, 1).entries()) {
      shard.step([row]);
      if (running !== undefined && i + 1 === running.position + 5) {
        shard.swap(running.handle, await modelOf(path, running));
        expect(shard.kernel.swapPosition()).toBe(running.position + 5);
        expect(shard.counter("cellTrainedAt")).toBe(running.position);
        running = undefined;
      }
      const taken = shard.take();
      if (taken === undefined) continue;
      positions.push(taken.position);
      running = taken;
    }
    expect(positions).toEqual([10, 17, 24, 31, 38]);
  });

  it("wait after a failure: a quarter of min_samples before the first model, then an interval", async () => {
    const shard = await make(path);
    const positions: number[] = [];
    for (const row of rowsOf(60, 2)) {
      shard.step([row]);
      const taken = shard.take();
      if (taken === undefined) continue;
      positions.push(taken.position);
      if (positions.length === 4) shard.swap(taken.handle, await modelOf(path, taken));
      else shard.kernel.dropTraining(taken.handle, 1);
    }
    expect(positions).toEqual([10, 13, 16, 19, 26, 33, 40, 47, 54]);
    expect(shard.counter("trainings")).toBe(9);
    expect(shard.counter("trainingsFailed")).toBe(8);
    expect(shard.kernel.verify()).toBe(0);
  });

  it("say how far they are: COLLECTING, READY, RETRAINING", async () => {
    const shard = await make(path);
    const states = (rows: readonly RowInput[]): number[] =>
      shard.step(rows).map(({ state }) => state);
    expect(states(rowsOf(14, 3)).every((state) => state === State.COLLECTING)).toBe(true);
    expect(shard.trainingsDue).toBe(1);
    const first = shard.take()!;
    shard.swap(first.handle, await modelOf(path, first));
    expect(shard.counter("cellState")).toBe(State.READY);
    expect(states(rowsOf(4, 4))).toEqual([State.READY, State.READY, State.READY, State.RETRAINING]);
    expect(shard.counter("cellState")).toBe(State.RETRAINING);
    shard.kernel.dropTraining(shard.take()!.handle, 0);
    expect(states(rowsOf(1, 5))).toEqual([State.READY]);
    expect(shard.counter("trainingsFailed")).toBe(0);
  });

  it("keep the last rows of the window, oldest first, with what is derived from them", async () => {
    for (const windowRows of [20, 50]) {
      const shard = await make(path, { windowRows, minSamples: 20, rolling: [3], lags: [2] });
      const rows = rowsOf(75, 6);
      rows[30] = { ...rows[30], values: [Number.NaN, 1, 2] };
      const first = shard.step(rows.slice(0, 25));
      expect(first.every(({ status }) => status === Status.OK)).toBe(true);
      shard.kernel.dropTraining(shard.take()!.handle, 1);
      shard.step(rows.slice(25));
      const taken = shard.take();
      const last = rows.slice(0, taken!.position).slice(-windowRows);
      expect(taken?.columns).toBe(features * 6);
      const stored = Array.from({ length: last.length }, (_, i) => [
        ...taken!.rows.subarray(i * features * 6, i * features * 6 + features),
      ]);
      expect(stored).toEqual(last.map(({ values }) => values));
      // Of column 0, after the inputs: mean, std, min, max of 3 rows, and the value 2 rows ago.
      const column = rows.slice(0, taken!.position).map(({ values }) => values![0]!);
      const derived = taken!.rows.subarray((last.length - 1) * features * 6 + features);
      const three = column.slice(-3);
      expect(derived[0]).toBeCloseTo(three.reduce((a, b) => a + b) / 3, 12);
      expect(derived[2]).toBe(Math.min(...three));
      expect(derived[3]).toBe(Math.max(...three));
      expect(derived[4]).toBe(column.at(-3));
      expect(shard.kernel.verify()).toBe(0);
    }
  });

  it("drop flagged rows from the window where asked, and learn them all the same", async () => {
    for (const dropFlagged of [true, false]) {
      const shard = await make(path, { dropFlagged, windowRows: 50, retrainInterval: 1000 });
      shard.step(rowsOf(10, 7));
      const taken = shard.take()!;
      shard.swap(taken.handle, await modelOf(path, taken));
      const outputs = shard.step([
        { key: "", values: [50, 50, 50] },
        { key: "", values: [50, 50, 50], op: Op.LEARN_ONLY },
        { key: "", values: [0, 0, 0] },
      ]);
      expect(outputs.map(({ anomaly }) => anomaly)).toEqual([1, 0, 0]);
      expect(shard.counter("cellPosition")).toBe(13);
      expect(shard.counter("cellRows")).toBe(dropFlagged ? 11 : 13);
    }
  });

  it("explain: contributions by input and baseline sum up to the score", async () => {
    for (const derived of [{}, { rolling: [3], lags: [1, 2] }]) {
      const shard = await make(path, { ...derived, windowRows: 50, minSamples: 40 });
      const rows = rowsOf(40, 8);
      shard.step(rows);
      const taken = shard.take()!;
      shard.swap(taken.handle, await modelOf(path, taken));
      for (const row of rowsOf(100, 9)) {
        const [output] = shard.step([{ ...row, explain: true }]);
        const { contributions, expected, baseline } = shard.explanation(0, features);
        const sum = contributions.reduce((total, each) => total + each, 0);
        expect(Math.abs(sum + baseline - output!.score)).toBeLessThanOrEqual(1e-9);
        const medians = rows
          .slice(0, 40)
          .map(({ values }) => values![0]!)
          .toSorted((a, b) => a - b);
        expect(expected[0]).toBeCloseTo((medians[19]! + medians[20]!) / 2, 12);
      }
      shard.step([{ values: [1, 2, 3], explain: true, op: Op.LEARN_ONLY }]);
      expect(shard.explanation(0, features).baseline).toBeNaN();
    }
  });

  it("orphan a training whose cell is reset, evicted, expired or deleted", async () => {
    const model = await modelOf(path, { ...(await dueIn(path)).taken });
    const losses: readonly ((shard: TestShard) => void)[] = [
      (shard) => expect(shard.kernel.resetDetector(0)).toBe(0),
      (shard) => expect(shard.kernel.deleteDetector(0)).toBe(0),
      // More keys than the one partition keeps.
      (shard) => {
        for (let i = 0; shard.counter("keysEvicted") === 0; i++) shard.step(rowsOf(1, i, `k${i}`));
        for (let i = 0; shard.digest("") !== 0n; i++) shard.step(rowsOf(1, i, `l${i}`));
      },
    ];
    for (const lose of losses) {
      for (const isTaken of [true, false]) {
        const { shard, taken } = await dueIn(path, isTaken);
        lose(shard);
        expect(shard.trainingsDue).toBe(0);
        expect(shard.kernel.verify()).toBe(0);
        expect(shard.swap(taken.handle, model)).toBe(Status.GONE);
        expect(shard.kernel.dropTraining(taken.handle, 1)).toBe(Status.GONE);
        expect(shard.kernel.verify()).toBe(0);
        // A later cell at the same place is not met by the old training.
        shard.create({ features, threshold: 0.5, windowModel: small });
        shard.step(rowsOf(12, 10));
        expect(shard.swap(taken.handle, model)).toBe(Status.GONE);
        expect(shard.counter("cellVersion")).toBe(0);
        expect(shard.kernel.verify()).toBe(0);
      }
    }
  });

  it("refuse a model of another kind or shape, and end its training", async () => {
    const { shard, taken } = await dueIn(path);
    const other = await train(path, "hbos", taken);
    expect(shard.swap(taken.handle, other!)).toBe(Status.BAD_MODEL);
    expect(shard.counter("trainingsFailed")).toBe(1);
    expect(shard.counter("cellVersion")).toBe(0);
    expect(shard.kernel.verify()).toBe(0);
  });

  it("go on with a smaller window where there is no memory, and lose no row", async () => {
    const bytes = 17 << 20;
    const shard = await make(
      path,
      { windowRows: 50_000, minSamples: 40_000, lags: [1, 2, 3] },
      bytes,
    );
    for (let round = 0; round < 25; round++) {
      const outputs = shard.step(rowsOf(4000, round));
      expect(outputs.every(({ status }) => status === Status.OK)).toBe(true);
      expect(shard.kernel.verify()).toBe(0);
    }
    expect(shard.counter("cellPosition")).toBe(100_000);
    expect(shard.counter("windowsWithoutMemory")).toBeGreaterThan(0);
    expect(shard.counter("cellRows")).toBeLessThan(40_000);
    expect(shard.counter("rowsRefused")).toBe(0);
  });

  it("count a copy or a model that finds no memory as a failed training", async () => {
    const shard = await make(path, { windowRows: 2000, minSamples: 2000 }, 17 << 20);
    shard.step(rowsOf(1999, 1));
    // Another detector's keys take all that is left: none of them leaves for this one.
    shard.create({ features, keysPerPartition: 1e6 }, 1);
    for (let round = 0; round < 2; round++) {
      const rows = rowsOf(8000, round);
      shard.step(rows.map((row, i) => ({ ...row, slot: 1, key: `${round} ${i}` })));
    }
    expect(shard.counter("keysEvicted", 1)).toBeGreaterThan(0);
    shard.step(rowsOf(10, 2));
    expect(shard.counter("trainingsWithoutMemory")).toBe(1);
    shard.step(rowsOf(500, 3));
    expect(shard.counter("trainingsWithoutMemory")).toBe(2);
    expect(shard.counter("trainingsFailed")).toBe(2);
    expect(shard.trainingsDue).toBe(0);
    expect(shard.kernel.verify()).toBe(0);
    const { shard: other, taken } = await dueIn(path);
    expect(other.kernel.placeModel(taken.handle, 1 << 30)).toBe(0);
    expect(other.kernel.swapModel(taken.handle, 0)).toBe(Status.NO_MEMORY);
    expect(other.counter("trainingsWithoutMemory")).toBe(1);
    expect(other.kernel.verify()).toBe(0);
  });
});

const pick = ({ position, dueAt, version }: TakenTraining) => ({ position, dueAt, version });

/** A shard whose cell of the key "" has a training out. */
async function dueIn(path: string, isTaken = true) {
  const shard = await make(path);
  shard.step(rowsOf(11, 11));
  expect(shard.trainingsDue).toBe(1);
  const taken = isTaken ? shard.take()! : { ...(await takenOf(path)) };
  return { shard, taken };
}

/** The same training, taken in another shard: there its handle is the same. */
async function takenOf(path: string): Promise<TakenTraining> {
  const { taken } = await dueIn(path);
  return taken;
}
