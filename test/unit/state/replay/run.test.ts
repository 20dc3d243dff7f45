import { beforeAll, describe, expect, it } from "vitest";
import type { Position } from "../../../../src/shard/journal.ts";
import { compileModule } from "../../../../src/shard/module.ts";
import { firstPosition, run } from "../../../../src/state/replay/run.ts";
import type { OtherDetector, RunOptions } from "../../../../src/state/replay/run-types.ts";
import { positionsAt } from "../../../../src/state/replay/source.ts";
import { builds, mulberry, normal } from "../../../kernel.ts";
import { detectorOf, LiveSource } from "../../../support/replay-source.ts";
import type { SourceRow } from "../../../support/replay-source.ts";

const [[, path] = ["", ""]] = builds;
let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compileModule(path);
});

const trees = { inputs: [{ name: "a" }, { name: "b" }], half_space_trees: { window: 8 } };

function rowsOf(count: number, seed: number): SourceRow[] {
  const random = mulberry(seed);
  return Array.from({ length: count }, () => ({
    key: `key ${Math.floor(random() * 12)}`,
    values: [normal(random), random() < 0.1 ? Number.NaN : normal(random)],
  }));
}

function source(spec: object = trees, { batches = 12, shards = 3, snapshotAt = -1 } = {}) {
  const live = new LiveSource(module, shards);
  live.create(detectorOf(spec));
  for (let i = 0; i < batches; i++) {
    if (i === snapshotAt) live.snapshot();
    live.batch(rowsOf(40, i));
  }
  return live;
}

/** Scores of the stretch by position, replayed. */
function scoresOf(options: Omit<RunOptions, "module" | "visit">, other = false) {
  const scores = new Map<Position, number[]>();
  const result = run({
    ...options,
    module,
    visit: (batch) => {
      const region = other ? batch.other! : batch.region;
      const rows = Array.from({ length: batch.rows }, (_, row) => region.score(row));
      scores.set(batch.entry.position, rows);
      return true;
    },
  });
  return { scores, result };
}

const asOther = (spec: object, cold: boolean): OtherDetector => ({
  name: "d",
  detector: detectorOf(spec, "other"),
  cold,
});

describe("a run", () => {
  it("says what was said live, in the journal's order, from the first entry or a snapshot", () => {
    for (const snapshotAt of [-1, 6]) {
      const live = source(trees, { snapshotAt });
      const stretch = { source: live, from: 40, until: live.last };
      const { scores, result } = scoresOf(stretch);
      const expected = [...live.scores].filter(([position]) => position >= 40);
      expect([...scores]).toEqual(expected);
      expect(expected.flatMap(([, rows]) => rows).some((score) => score > 0)).toBe(true);
      const [snapshot] = live.snapshots();
      expect(result.snapshot).toBe(snapshotAt < 0 ? 0 : snapshot!.position);
      expect(result.endedBy).toBe("end");
      expect(result.visited).toBe(expected.flatMap(([, rows]) => rows).length);
    }
  });

  it("shows with each row what was said of it live, and what a client got instead", () => {
    const live = source(trees, { batches: 2 });
    const [position = 0] = live.batch(rowsOf(30, 77));
    live.batch(rowsOf(30, 78), { lost: true });
    const answer = {
      position,
      row: 2,
      score: 0.25,
      threshold: 0.5,
      source: 3,
      state: 2,
      anomaly: 0,
      rule: -1,
      rawScore: 0.5,
      modelVersion: 2,
      replayed: 0,
    };
    live.answer([answer]);
    live.batch(rowsOf(30, 79));
    let compared = 0;
    const answered: unknown[] = [];
    run({
      source: live,
      module,
      from: 1,
      until: live.last,
      visit: (batch) => {
        for (let row = 0; row < batch.rows; row++) {
          const said = batch.live(row);
          expect(said?.score).toEqual(batch.region.score(row));
          expect(said?.status).toBe(0);
          compared++;
          const got = batch.answered(row);
          if (got !== undefined) answered.push([batch.entry.position, row, got.score]);
          expect(Buffer.from(batch.key(row)).toString()).toMatch(/^key \d+$/);
        }
        expect(batch.slot(0)).toMatchObject({ name: "d", version: 1 });
        expect(batch.slot(1)).toBeUndefined();
        return true;
      },
    });
    // Those that were lost were neither stepped nor shown.
    expect(compared).toBe(2 * 40 + 30 + 30);
    expect(answered).toEqual([[position, 2, 0.25]]);
  });

  it("has no live verdict where the journal has none, and none of another batch", () => {
    const live = source(trees, { batches: 6, shards: 2 });
    const kept = live.all.filter((entry) => !(entry.kind === 2 && entry.rows > 15));
    const gone = {
      shards: 2,
      memoryBytes: live.memoryBytes,
      first: 1,
      last: live.last,
      voids: () => new Set<number>(),
      snapshots: () => [],
      entries: ({ after, until = live.last, kinds }: Parameters<typeof live.entries>[0]) =>
        kept.filter(
          ({ position, kind }) =>
            position > after && position <= until && (kinds === undefined || kinds.includes(kind)),
        ),
    };
    const has = new Map<boolean, number>([
      [true, 0],
      [false, 0],
    ]);
    run({
      source: gone,
      module,
      from: 1,
      until: live.last,
      visit: (batch) => {
        const known = kept.some(
          ({ kind, body }) =>
            kind === 2 && new Float64Array(body.buffer, 0, 1)[0] === batch.entry.position,
        );
        const said = batch.live(0);
        expect(said !== undefined).toBe(known);
        if (known) expect(said?.score).toEqual(batch.region.score(0));
        has.set(known, (has.get(known) ?? 0) + 1);
        return true;
      },
    });
    expect(Math.min(...has.values())).toBeGreaterThan(0);
  });

  it("finds the verdicts of thousands of small batches", () => {
    const live = new LiveSource(module, 2);
    live.create(detectorOf(trees));
    const rows = rowsOf(3000, 5);
    for (const row of rows) live.batch([row]);
    let found = 0;
    run({
      source: live,
      module,
      from: 1,
      until: live.last,
      visit: (batch) => {
        if (Object.is(batch.live(0)?.score, batch.region.score(0))) found++;
        return true;
      },
    });
    expect(found).toBe(rows.length);
  });

  it("begins cold when it is asked to: as if the stretch were all there ever was", () => {
    const live = source(trees, { batches: 10 });
    const fresh = new LiveSource(module, 3);
    fresh.create(detectorOf(trees));
    for (let i = 5; i < 10; i++) fresh.batch(rowsOf(40, i));
    const from = [...live.scores.keys()][15]!;
    const { scores } = scoresOf({ source: live, from, until: live.last, cold: true });
    expect([...scores.values()]).toEqual([...fresh.scores.values()]);
    const warm = scoresOf({ source: live, from, until: live.last });
    expect([...warm.scores.values()]).not.toEqual([...fresh.scores.values()]);
  });

  it("ends when the visitor has seen enough, or when it is told to", () => {
    const live = source();
    let seen = 0;
    const stretch = { source: live, module, from: 1, until: live.last };
    const result = run({ ...stretch, visit: () => ++seen < 3 });
    expect(seen).toBe(3);
    expect(result.endedBy).toBe("visitor");
    const ended = run({ ...stretch, visit: () => true, signal: AbortSignal.abort() });
    expect(ended).toMatchObject({ endedBy: "signal", visited: 0 });
  });

  it("refuses a stretch whose state is not kept any more, and says from where on it is", () => {
    const live = source(trees, { snapshotAt: 6 });
    const [snapshot] = live.snapshots();
    const cut = Object.create(live, { first: { value: 20 } }) as LiveSource;
    expect(() => scoresOf({ source: cut, from: 21, until: 30 })).toThrow(
      `the journal begins at position 20, and there is no sound snapshot before position 21: choose a later stretch, from position ${snapshot!.position + 1} on`,
    );
    const from = snapshot!.position + 1;
    const after = Object.create(live, { first: { value: from - 3 } }) as LiveSource;
    expect(firstPosition(live)).toBe(1);
    expect(firstPosition(after)).toBe(from);
    expect(() => scoresOf({ source: after, from: from - 1, until: live.last })).toThrow();
    const { scores } = scoresOf({ source: after, from, until: live.last });
    expect(scores.size).toBeGreaterThan(0);
    for (const [row, score] of scores) expect(score).toEqual(live.scores.get(row));
    const gap = Object.create(live, { first: { value: from + 5 } }) as LiveSource;
    expect(firstPosition(gap)).toBeUndefined();
  });
});

describe("another detector over the same rows", () => {
  it("says the same where it is the same, whatever the shards", () => {
    const live = source();
    const stretch = { source: live, from: 1, until: live.last };
    const { scores } = scoresOf({ ...stretch, other: asOther(trees, true) }, true);
    expect([...scores]).toEqual([...live.scores]);
  });

  it("cold knows nothing of the rows before the stretch, warm all of them, by a snapshot or none", () => {
    const live = source(trees, { snapshotAt: 6 });
    const from = live.snapshots()[0]!.position + 5;
    const stretch = { source: live, from, until: live.last };
    const expected = [...live.scores].filter(([position]) => position >= from);
    const warm = scoresOf({ ...stretch, other: asOther(trees, false) }, true);
    expect([...warm.scores]).toEqual(expected);
    const cold = scoresOf({ ...stretch, other: asOther(trees, true) }, true);
    expect([...cold.scores]).not.toEqual(expected);
    expect(cold.result.snapshot).toBeGreaterThan(0);
  });

  it("gets its inputs by name, in another order, and fewer of them", () => {
    const spec = { ...trees, inputs: [{ name: "b" }] };
    const live = source();
    const alone = new LiveSource(module, 3);
    alone.create(detectorOf(spec));
    for (let i = 0; i < 12; i++) {
      alone.batch(rowsOf(40, i).map(({ key, values }) => ({ key, values: values.slice(1) })));
    }
    const stretch = { source: live, from: 1, until: live.last };
    const { scores } = scoresOf({ ...stretch, other: asOther(spec, true) }, true);
    expect([...scores.values()]).toEqual([...alone.scores.values()]);
  });

  it("is refused where the rows lack an input, by its name", () => {
    const spec = { ...trees, inputs: [{ name: "a" }, { name: "c" }] };
    const live = source();
    const stretch = { source: live, from: 1, until: live.last };
    expect(() => scoresOf({ ...stretch, other: asOther(spec, true) })).toThrow(
      'the rows of d in the journal have no number "c": they have a (number), b (number)',
    );
  });

  it("may derive features, where the live one does not, and skips rows of other detectors", () => {
    const feature = {
      name: "n",
      aggregate: "mean",
      of: "a",
      window: { last: 5 },
      default_value: 0,
    };
    const spec = { ...trees, features: [feature] };
    const live = new LiveSource(module, 3);
    live.create(detectorOf(trees));
    live.create(detectorOf(trees, "e", 1));
    const alone = new LiveSource(module, 1);
    alone.create(detectorOf(spec));
    const expected: number[] = [];
    for (let i = 0; i < 12; i++) {
      const rows = rowsOf(40, i).map((row, at) => ({ ...row, slot: at % 2 }));
      live.batch(rows);
      for (const row of rows) if (row.slot === 0) alone.batch([{ ...row, slot: 0 }]);
    }
    for (const rows of alone.scores.values()) expected.push(...rows);
    const got: number[] = [];
    run({
      source: live,
      module,
      from: 1,
      until: live.last,
      other: asOther(spec, true),
      visit: (batch) => {
        for (let row = 0; row < batch.rows; row++) {
          if (batch.region.slot(row) === 0) got.push(batch.other!.score(row));
          else expect(batch.other!.status(row) === 0 && batch.other!.score(row) > 0).toBe(false);
        }
        return true;
      },
    });
    // The order of rows is another over shards; that of a key's is not.
    expect(got.filter((score) => score > 0).toSorted((a, b) => a - b)).toEqual(
      expected.filter((score) => score > 0).toSorted((a, b) => a - b),
    );
    expect(got.filter((score) => score > 0).length).toBeGreaterThan(50);
  });

  it("trains its models as soon as they are due", () => {
    const spec = {
      inputs: trees.inputs,
      ecod: {},
      window: { rows: 100, min_samples: 20, retrain_interval: 30 },
    };
    const live = source(trees, { shards: 1 });
    const { scores } = scoresOf(
      { source: live, from: 1, until: live.last, other: asOther(spec, true) },
      true,
    );
    const [first = [], second = []] = scores.values();
    expect(first.every(Number.isNaN)).toBe(true);
    expect(second.every((score) => score >= 0 && score <= 1)).toBe(true);
  });

  it("keeps keys apart by their hashes where the live one has one cell, and the reverse", () => {
    const window = { rows: 100, min_samples: 1000 };
    const oneCell = { inputs: trees.inputs, ecod: {}, window };
    const byKey = new LiveSource(module, 3);
    byKey.create(detectorOf(trees));
    const together = new LiveSource(module, 3);
    together.create(detectorOf(oneCell));
    for (let i = 0; i < 12; i++) {
      const rows = rowsOf(40, i).map((row, at) => ({ ...row, id: `${i} ${at}` }));
      byKey.batch(rows);
      together.batch(rows);
    }
    const got = scoresOf(
      { source: together, from: 1, until: together.last, other: asOther(trees, true) },
      true,
    );
    const flat = (scores: ReadonlyMap<number, number[]>): number[] =>
      [...scores.values()]
        .flat()
        .filter((score) => score > 0)
        .toSorted((a, b) => a - b);
    expect(flat(got.scores)).toEqual(flat(byKey.scores));
    expect(flat(got.scores).length).toBeGreaterThan(50);
    const trained = { ...oneCell, window: { rows: 100, min_samples: 20 } };
    const other = asOther(trained, true);
    const reverse = scoresOf({ source: byKey, from: 1, until: byKey.last, other }, true);
    expect(flat(reverse.scores).length).toBeGreaterThan(300);
  });
});

describe("positions by time", () => {
  it("are those of the entries that were appended then", () => {
    const live = source();
    // An entry every 10 ms.
    expect(positionsAt(live, 0, Number.MAX_SAFE_INTEGER)).toEqual({ from: 1, until: live.last });
    expect(positionsAt(live, 45, 80)).toEqual({ from: 5, until: 8 });
    expect(positionsAt(live, 41, 49)).toEqual({ from: 5, until: 4 });
    expect(positionsAt(live, 1e9, 2e9)).toEqual({ from: live.last + 1, until: live.last });
  });
});
