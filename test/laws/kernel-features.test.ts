import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Timeliness } from "../../src/domain/verdict.ts";
import { Program, TimePolicyNumber } from "../../src/shard/feature-program.ts";
import { Op, Status } from "../../src/shard/layout.ts";
import { compileModule } from "../../src/shard/module.ts";
import { builds, mulberry, normal, TestShard } from "../kernel.ts";
import type { DetectorOptions, RowFeatures, RowInput, RowOutput } from "../kernel.ts";
import { someProgram } from "../support/feature-blocks.ts";
import { train } from "../window-rig.ts";

const memoryBytes = 24 << 20;
const second = 1000;
const windowModel = { kind: "ecod", windowRows: 60, minSamples: 20, retrainInterval: 25 } as const;

interface Stream {
  readonly options: DetectorOptions & { readonly program: Float64Array };
  readonly rows: readonly RowInput[];
  readonly random: number;
}

const policies = fc.constantFrom(...Object.values(TimePolicyNumber));

/** Detectors whose model sees some, none or all features, behind inputs that it may not see. */
const streams: fc.Arbitrary<Stream> = fc
  .record({
    modelFirst: fc.constantFrom(0, 1),
    seen: fc.constantFrom(0, 2, 4),
    scaler: fc.constantFrom(0, 1, 2),
    window: fc.constantFrom(5, 20),
    trees: fc.constantFrom(1, 5),
    late: policies,
    future: policies,
    latenessMs: fc.constantFrom(0, 20 * second),
    exactEvents: fc.constantFrom(5, 16, 64),
    keyTtlMs: fc.constantFrom(0, 100 * second),
    keysPerPartition: fc.constantFrom(1, 1000),
    learnSystemActions: fc.boolean(),
    /** None: Half-Space Trees. */
    scope: fc.constantFrom("none", "key", "detector"),
    seed: fc.nat(),
    count: fc.integer({ min: 1, max: 300 }),
  })
  .map(({ modelFirst, seen, late, future, latenessMs, exactEvents, scope, ...rest }) => {
    const { seed, count, ...numbers } = rest;
    const header = { late, future, latenessMs, exactEvents, futureToleranceMs: 300 * second };
    const program = someProgram({
      sources: 3,
      modelFirst,
      seen,
      header: { ...header, oneCell: Number(scope === "detector") },
    });
    const model = scope === "none" ? {} : { windowModel, threshold: 0.5 };
    return {
      options: { height: 3, burnIn: 5, ...numbers, ...model, ...program },
      rows: makeRows(seed, count),
      random: seed,
    };
  });

const ops = [
  ...Array.from({ length: 8 }, () => Op.SCORE_AND_LEARN),
  Op.LEARN_ONLY,
  Op.SCORE_ONLY,
  Op.DERIVE,
  Op.READ_FEATURES,
];

/** Rows of a few keys, "" among them; some late, of the future, without values, with ids, and heartbeats between them. */
function makeRows(seed: number, count: number): RowInput[] {
  const random = mulberry(seed);
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  let sequence = 0;
  return Array.from({ length: count }, (_, i) => {
    const arrivalMs = 1e12 + i * second;
    const shift = random() < 0.2 ? -60 * second * random() : random() < 0.05 ? 600 * second : 0;
    const id = random() < 0.2 ? { id: `${Math.floor(random() * 30)}`, sequence: ++sequence } : {};
    const at = { arrivalMs, eventTimeMs: arrivalMs + Math.floor(shift) };
    if (random() < 0.02) return { op: Op.HEARTBEAT, ...at };
    const op = pick(ops) ?? Op.SCORE_AND_LEARN;
    return {
      key: pick(["", "ann", "ben", "cy", "dee"]) ?? "",
      op,
      ...at,
      systemAction: random() < 0.1,
      explain: op !== Op.READ_FEATURES && random() < 0.3,
      values: Array.from({ length: 3 }, () => (random() < 0.1 ? NaN : normal(random))),
      ...(op === Op.READ_FEATURES ? {} : id),
    };
  });
}

interface Answer {
  readonly output: RowOutput;
  readonly features: RowFeatures | undefined;
}

/** Runs rows in batches of random lengths, in either region. */
function run(shard: TestShard, rows: readonly RowInput[], length: () => number): Answer[] {
  const answers: Answer[] = [];
  for (let at = 0, region = 0; at < rows.length; region ^= 1) {
    const batch = rows.slice(at, at + length());
    for (const [i, output] of shard.step(batch, region).entries()) {
      const op = batch[i]?.op;
      const has = op !== Op.HEARTBEAT && output.replayed === 0 && output.timeliness < 3;
      answers.push({ output, features: has ? shard.featuresOf(i, region) : undefined });
    }
    at += batch.length;
  }
  return answers;
}

/** A row of a detector with features, and the same row of one whose model is sent inputs and features. */
function expectSame(
  shard: TestShard,
  plain: TestShard,
  row: RowInput,
  { program, features }: Stream["options"],
): void {
  const before = shard.counter("eventsLearned");
  const [output] = shard.step([row]);
  if (output === undefined || output.timeliness >= Timeliness.LATE_REFUSED) return;
  const { values } = shard.featuresOf(0);
  expect(values.every((value) => Number.isFinite(value))).toBe(true);
  const learned = shard.counter("eventsLearned") > before;
  const { op: asked = Op.SCORE_AND_LEARN } = row;
  if (asked === Op.DERIVE || asked === Op.READ_FEATURES) return expect(learned).toBe(false);
  if (!learned && asked === Op.LEARN_ONLY) return;
  // A row that is not learned for what it is, or when, is scored alone.
  const op = learned ? asked : Op.SCORE_ONLY;
  const [same] = plain.step([{ ...asSent(row, values, { program, features }), op }]);
  expect(same).toEqual({ ...output, timeliness: 0 });
  if (row.explain === true && op !== Op.LEARN_ONLY) expectSameReasons(shard, plain, features);
}

/** The row of a model that is sent what another sees. */
function asSent(
  { key = "", values: sources = [], ...row }: RowInput,
  derived: readonly number[],
  { program, features }: Stream["options"],
): RowInput {
  const seen = [...sources.slice(program[Program.modelFirst]), ...derived].slice(0, features);
  return { ...row, key: program[Program.oneCell] === 1 ? "" : key, values: seen };
}

function expectSameReasons(shard: TestShard, plain: TestShard, features: number): void {
  const explained = shard.explanation(0, features);
  const expected = plain.explanation(0, features);
  // What is not explained has no baseline, and nothing else was written.
  if (Number.isNaN(expected.baseline)) expect(explained.baseline).toBeNaN();
  else expect(explained).toEqual(expected);
}

describe.each(builds)("features in the kernel, %s build", async (_name, path) => {
  const module = await compileModule(path);
  const make = async (options: DetectorOptions, bytes = memoryBytes): Promise<TestShard> => {
    const shard = await TestShard.make(path, bytes);
    expect(shard.create(options)).toBe(Status.OK);
    return shard;
  };

  it("do not depend on how rows are cut into batches, nor on a recovery between them", () =>
    fc.assert(
      fc.asyncProperty(streams, async ({ options, rows, random }) => {
        const whole = await make(options);
        const cut = await make(options);
        const next = mulberry(random);
        const expected = run(whole, rows, () => rows.length);
        const half = Math.floor(rows.length / 2);
        const lengths = () => 1 + Math.floor(next() * 20);
        const first = run(cut, rows.slice(0, half), lengths);
        expect(cut.kernel.verify()).toBe(0);
        expect(cut.kernel.recover(-1)).toBe(0);
        expect(cut.kernel.verify()).toBe(0);
        const rest = run(cut, rows.slice(half), lengths);
        expect([...first, ...rest]).toEqual(expected);
        expect(cut.kernel.detectorDigest(0)).toBe(whole.kernel.detectorDigest(0));
        for (const shard of [whole, cut]) expect(shard.kernel.verify()).toBe(0);
        for (const name of ["eventsLearned", "rowsLate", "rowsFuture", "keys"] as const) {
          expect(cut.counter(name)).toBe(whole.counter(name));
        }
      }),
      { numRuns: 60 },
    ));

  it("are finite, and the model scores, learns and explains as if it were sent them", () =>
    fc.assert(
      fc.asyncProperty(streams, async (stream) => {
        // Keys that leave make room for others' features, but not for a model that was sent them.
        const options = { ...stream.options, keyTtlMs: 0, keysPerPartition: 1000 };
        const { program: _, ...model } = options;
        const shard = await make(options);
        const plain = await make(model);
        for (const row of stream.rows) {
          if (row.op !== Op.HEARTBEAT && row.id === undefined)
            expectSame(shard, plain, row, options);
        }
        expect(shard.kernel.verify()).toBe(0);
        expect(shard.counter("eventsLearned")).toBe(plain.counter("eventsLearned"));
      }),
      { numRuns: 60 },
    ));

  it("never join half where there is no memory", () =>
    fc.assert(
      fc.asyncProperty(fc.nat(), fc.boolean(), async (seed, isWindow) => {
        const random = mulberry(seed);
        const program = someProgram({
          sources: 3,
          header: { exactEvents: 65536, oneCell: Number(isWindow), late: 2 },
        });
        const model = isWindow
          ? { threshold: 0.5, windowModel: { ...windowModel, windowRows: 5000 } }
          : { trees: 20, height: 8, window: 3000 };
        const shard = await make({ ...program, ...model }, 17 << 20);
        let refused = 0;
        for (let i = 0; i < 60 && refused < 5; i++) {
          // One key that grows until nothing is left for it: there is nobody who could leave.
          const rows = Array.from({ length: 2000 }, (_, j) => ({
            key: "ann",
            op: random() < 0.1 ? Op.DERIVE : Op.SCORE_AND_LEARN,
            arrivalMs: 1e12 + i * 2000 + j,
            values: [1, random(), 2],
          }));
          const outputs = shard.step(rows);
          expect(shard.kernel.verify()).toBe(0);
          if (outputs.every(({ status }) => status === Status.OK)) continue;
          refused++;
          const copy = shard.copy(module);
          const again = rows.map((row) => ({ ...row, arrivalMs: row.arrivalMs + 5000 }));
          for (const row of again.slice(0, 3)) {
            const before = copy.kernel.detectorDigest(0);
            const learned = copy.counter("eventsLearned");
            const [output] = copy.step([row]);
            if (output?.status !== Status.NO_MEMORY) continue;
            expect(output.score).toBeNaN();
            expect(copy.kernel.detectorDigest(0)).toBe(before);
            expect(copy.counter("eventsLearned")).toBe(learned);
          }
          expect(copy.kernel.verify()).toBe(0);
        }
        expect(refused).toBe(5);
        expect(shard.kernel.recover(-1)).toBe(0);
        expect(shard.kernel.verify()).toBe(0);
      }),
      { numRuns: 4 },
    ));

  /** Lets one key, for whom nobody can leave, grow by rows of an operation until one is refused, or there are `most`. How many were not. */
  const grow = (shard: TestShard, op: number, most = Infinity): number => {
    for (let count = 0; count < most; count++) {
      const row = { key: "ann", op, arrivalMs: 1e12 + count, values: [1, count % 64, 2] };
      if (shard.step([row])[0]?.status !== Status.OK) return count;
    }
    return most;
  };

  /** One more row finds no room, and leaves no trace. */
  const expectRefused = (shard: TestShard): void => {
    const before = shard.kernel.detectorDigest(0);
    const [output] = shard.step([{ key: "ann", arrivalMs: 2e12, values: [1, 2, 3] }]);
    expect(output?.status).toBe(Status.NO_MEMORY);
    expect(shard.kernel.verify()).toBe(0);
    expect(shard.kernel.detectorDigest(0)).toBe(before);
    expect(shard.counter("cellState")).toBe(0);
  };

  const large = { exactEvents: 65536, latenessMs: 1e9 };
  it.each([
    ["trees", 0, { trees: 2, height: 2, window: 4000 }],
    ["a cell", 0, { windowModel, threshold: 0.5 }],
    ["the cell of all", 1, { windowModel, threshold: 0.5 }],
  ] as const)("take %s back from a key whose first row finds no room", async (...parts) => {
    const [, oneCell, model] = parts;
    const program = someProgram({ sources: 3, header: { ...large, oneCell } });
    const shard = await make({ ...program, ...model }, 17 << 20);
    grow(shard, Op.DERIVE);
    const structures = shard.counter("structures");
    expectRefused(shard);
    expect(shard.counter("structures")).toBe(structures);
  });

  it("keep totals that were reserved for a row without room out of sight", async () => {
    const program = someProgram({ sources: 3, header: large });
    const small = { ...program, trees: 1, height: 2 };
    const events = grow(await make({ ...small, window: 60_000 }, 17 << 20), Op.SCORE_AND_LEARN);
    const shard = await make({ ...small, window: events + 1 }, 17 << 20);
    expect(grow(shard, Op.SCORE_AND_LEARN, events)).toBe(events);
    expectRefused(shard);
    expect(shard.counter("eventsLearned")).toBe(events);
  });

  it("of all keys lead to one cell, which neither expires, nor leaves, nor is a client's", async () => {
    const shard = await make({
      ...someProgram({ sources: 3, header: { oneCell: 1 } }),
      windowModel: { ...windowModel, windowRows: 500, retrainInterval: 1000 },
      threshold: 0.5,
      keysPerPartition: 1,
      keyTtlMs: 20 * second,
    });
    const random = mulberry(1);
    const rows: RowInput[] = Array.from({ length: 700 }, (_, i) => ({
      key: i % 5 === 0 ? "" : `key ${Math.floor(random() * 900)}`,
      arrivalMs: 1e12 + i * 500,
      values: [random(), random(), random()],
    }));
    const outputs = shard.step(rows.slice(0, 300));
    expect(outputs.every(({ modelVersion }) => modelVersion === 0)).toBe(true);
    const taken = shard.take();
    if (taken === undefined) throw new Error("no training is due");
    expect(taken.position).toBe(windowModel.minSamples);
    const trained = await train(path, "ecod", taken);
    if (trained === undefined) throw new Error("no model");
    expect(shard.swap(taken.handle, trained)).toBe(Status.OK);
    expect(shard.kernel.findModel(0, 12, 34)).not.toBe(0);
    const later = shard.step(rows.slice(300));
    expect(later.every(({ modelVersion }) => modelVersion === 1)).toBe(true);
    // A key that nobody knows is scored by the model of all.
    const asked = { ...rows[0], key: "nobody", op: Op.SCORE_ONLY, explain: true };
    const [unknown] = shard.step([asked]);
    expect(unknown?.score).toBeGreaterThan(0);
    const { baseline, contributions } = shard.explanation(0, 7);
    const sum = contributions.reduce((total, part) => total + part, baseline);
    expect(sum).toBeCloseTo(unknown?.score ?? 0, 12);
    expect(shard.counter("keysEvicted")).toBeGreaterThan(20);
    expect(shard.counter("keysExpired")).toBeGreaterThan(20);
    expect(shard.counter("cellPosition")).toBe(700);
    expect(shard.counter("cellRows")).toBe(500);
    expect(shard.kernel.verify()).toBe(0);
    // The client's "" is a key as any other: it goes, the cell stays.
    shard.step([{ ...rows[1], arrivalMs: 1e12 + 1e6, key: "late" }]);
    shard.step([{ op: Op.DERIVE, key: "", arrivalMs: 1e12 + 1e6 + 1, values: [1, 2, 3] }]);
    expect(shard.featuresOf(0).values[3]).toBe(3600);
    expect(shard.counter("cellPosition")).toBe(701);
    const digest = shard.kernel.detectorDigest(0);
    expect(shard.kernel.recover(-1)).toBe(0);
    expect(shard.kernel.verify()).toBe(0);
    expect(shard.kernel.detectorDigest(0)).toBe(digest);
    expect(shard.counter("cellPosition")).toBe(701);
    // Rows that learn put the cell in doubt, whatever their key; those that only derive do not.
    const trap = (op: number): void => {
      const row = { op, key: "x", arrivalMs: 2e12, values: [1, 2, 3] };
      shard.write([row, { op: Op.TRAP, slot: 1 }]);
      shard.setFaults(true);
      expect(() => shard.kernel.step(0)).toThrow();
      shard.setFaults(false);
    };
    trap(Op.DERIVE);
    expect(shard.kernel.recover(0)).toBe(1);
    expect(shard.counter("cellPosition")).toBe(701);
    expect(shard.kernel.verify()).toBe(0);
    trap(Op.SCORE_AND_LEARN);
    expect(shard.kernel.recover(0)).toBe(2);
    expect(shard.counter("cellState")).toBe(0);
    expect(shard.kernel.findModel(0, 0, 0)).toBe(0);
    expect(shard.kernel.verify()).toBe(0);
    shard.step(rows.slice(0, 50).map((row) => ({ ...row, arrivalMs: 3e12 })));
    expect(shard.counter("cellPosition")).toBe(50);
    shard.kernel.resetDetector(0);
    expect(shard.counter("cellState")).toBe(0);
    expect(shard.kernel.verify()).toBe(0);
    shard.step(rows.slice(0, 50));
    shard.kernel.deleteDetector(0);
    expect(shard.kernel.verify()).toBe(0);
    expect(shard.counter("stateBytes")).toBe(0);
  });
});
