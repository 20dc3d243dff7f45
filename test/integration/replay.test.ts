import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dispatch } from "../../src/cli/dispatch.ts";
import { explain } from "../../src/cli/explain.ts";
import { replay } from "../../src/cli/replay.ts";
import { Mode } from "../../src/domain/event.ts";
import type { EventInput } from "../../src/domain/event.ts";
import { Source } from "../../src/domain/verdict.ts";
import {
  asExplainedVerdict,
  explainIn,
  explainVerdict,
  type Explained,
} from "../../src/report/explain-verdict.ts";
import { compileModule } from "../../src/shard/module.ts";
import { openStateSource } from "../../src/state/replay/source.ts";
import type { StateSource } from "../../src/state/replay/run-types.ts";
import { withAnotherScore } from "../support/altered-journal.ts";
import { createDetector, event } from "../support/core.ts";
import { eventually } from "../support/eventually.ts";
import { smallDisk } from "../support/journal.ts";
import { keptModulePath, KeptCore, type SentRow } from "../support/kept-core.ts";

const specs: Readonly<Record<string, object>> = {
  trees: {
    inputs: [{ name: "amount" }, { name: "age", missing: "MODEL" }],
    halfSpaceTrees: { trees: 5, height: 5, window: 10 },
    burnInEvents: 5,
    alertShare: 0.05,
    timeoutMs: 2000,
    rules: [{ name: "big", when: "amount > 0.9", score: 0.95 }],
  },
  windows: {
    inputs: [{ name: "amount" }, { name: "age" }],
    features: [
      { name: "n", aggregate: "count", window: { sliding: "20m" } },
      { name: "z", of: "amount", aggregate: "zscore", window: { sliding: "1h" }, defaultValue: 0 },
    ],
    halfSpaceTrees: { trees: 5, height: 4, window: 10 },
    timeoutMs: 2000,
  },
  cell: {
    inputs: [{ name: "amount" }, { name: "age" }],
    ecod: {},
    window: { rows: 60, minSamples: 20, retrainInterval: 30, scope: "SCOPE_DETECTOR" },
    timeoutMs: 2000,
  },
};

let random = 7;
function next(): number {
  random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
  return random / 2 ** 32;
}

function anEvent(id: string, given: Partial<EventInput> = {}): EventInput {
  const made = event({
    id,
    key: `card ${Math.floor(next() * 6)}`,
    numbers: { amount: next(), age: next() },
  });
  return { ...made, ...given };
}

let kept: KeptCore;
let module: WebAssembly.Module;
let source: StateSource;
let out: string;
const names = Object.keys(specs);

/** What the clients of three detectors got: with and without reasons, in all modes, of ids that came twice, and of fallbacks. */
beforeAll(async () => {
  module = await compileModule(keptModulePath);
  out = mkdtempSync(join(tmpdir(), "weir-replay-"));
  kept = await KeptCore.start();
  for (const [name, spec] of Object.entries(specs)) await createDetector(kept.core, name, spec);
  for (let batch = 0; batch < 40; batch++) {
    if (batch === 20) {
      const { detectors } = kept.core;
      await eventually(() =>
        expect(detectors.status(detectors.get("cell")).modelVersion).toBeGreaterThan(0),
      );
    }
    for (const detector of names) {
      const events = Array.from({ length: 1 + Math.floor(next() * 6) }, (_, row) =>
        anEvent(next() < 0.7 ? `${batch}-${row}` : ""),
      );
      const mode = batch % 9 === 4 ? Mode.SCORE_ONLY : Mode.SCORE_AND_LEARN;
      await kept.send({ detector, events, mode, explain: batch % 4 === 0, features: true });
    }
  }
  for (const detector of names) {
    const first = anEvent("twice");
    await kept.send({ detector, events: [first] });
    await kept.send({ detector, events: [anEvent("between"), first] });
  }
  kept.pool.slow = true;
  for (const detector of names) {
    const late = anEvent("late", {
      numbers: new Map([
        ["amount", 0.97],
        ["age", 0.5],
      ]),
    });
    await kept.send({ detector, events: [late], timeoutMs: 20 });
  }
  kept.pool.release();
  await kept.core.shards.idle();
  for (const detector of names) await kept.send({ detector, events: [anEvent("last")] });
  await kept.close();
  source = openStateSource(kept.data);
});
afterAll(() => {
  kept.remove();
  rmSync(out, { recursive: true, force: true });
});

interface Ran {
  readonly status: number;
  readonly text: string;
}

function ran(verb: typeof replay, ...argv: readonly string[]): Promise<Ran> {
  return ranOn(kept.data, verb, ...argv);
}

async function ranOn(data: string, verb: typeof replay, ...argv: readonly string[]): Promise<Ran> {
  const lines: string[] = [];
  const print = (text: string): void => void lines.push(text);
  const terminal = { print, error: print, interactive: false };
  const status = await verb(["--data", data, ...argv], terminal, keptModulePath);
  return { status, text: lines.join("\n") };
}

function sentTo(detector: string): readonly SentRow[] {
  return kept.sent.filter((row) => row.detector === detector);
}

describe("weir replay", () => {
  test.each(names)("gives all of %s's verdicts again, and says so", async (detector) => {
    const { status, text } = await ran(replay, "--detector", detector);
    expect(text).toContain(
      `Everything is equal: ${sentTo(detector).length} verdicts, bit for bit.`,
    );
    expect(text).toContain("1 row had been answered without the model");
    expect(status).toBe(0);
  });

  test("says that its file could not be written, and leaves nothing of it", async (context) => {
    const disk = smallDisk("size=8k");
    if (disk === undefined) {
      context.skip("mounting is not permitted here");
      return;
    }
    const file = join(disk, "verdicts.csv");
    const failed = ran(replay, "--detector", "trees", "--out", file);
    await expect(failed).rejects.toThrow(`cannot write ${file}: ENOSPC`);
    expect(readdirSync(disk)).toEqual([]);
    const nowhere = join(disk, "none", "verdicts.csv");
    const missing = ran(replay, "--detector", "trees", "--out", nowhere);
    await expect(missing).rejects.toThrow(`cannot write ${nowhere}: ENOENT`);
  });

  test("writes what the clients got beside what the model says", async () => {
    const file = join(out, "verdicts.ndjson");
    await ran(replay, "--detector", "trees", "--out", file);
    const rows = readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const sent = sentTo("trees");
    // By shard, in the file; a client sees one order of rows.
    const inOrder = (all: readonly unknown[]): readonly string[] =>
      all.map((row) => JSON.stringify(row)).toSorted();
    expect(
      inOrder(rows.map((row) => [row["id"], row["key"], row["live_score"], row["live_anomaly"]])),
    ).toEqual(
      inOrder(
        sent.map(({ anomaly, id, key, score }) => [
          id === "" ? null : id,
          key,
          Number.isNaN(score) ? null : score,
          anomaly,
        ]),
      ),
    );
    const late = rows.find((row) => row["id"] === "late");
    expect(late).toMatchObject({ live_source: "rules", live_score: 0.95 });
    expect(late?.["score"]).not.toBe(0.95);
  });

  test("compares with another specification, on the terminal and as a page", async () => {
    const spec = join(out, "other.yaml");
    writeFileSync(
      spec,
      "inputs: [{ name: amount }, { name: age, missing: model }]\nhalf_space_trees: { trees: 9, height: 5, window: 10 }\n",
    );
    const page = join(out, "report.html");
    const { status, text } = await ran(
      replay,
      "--detector",
      "trees",
      "--spec",
      spec,
      "--report",
      page,
    );
    expect(status).toBe(0);
    expect(text).toMatch(/With the other specification, \d+ scores of \d+ rows changed/);
    const html = readFileSync(page, "utf8");
    expect(html).toContain("halfSpaceTrees.trees");
    expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
  });

  test("begins with nothing when it is told to", async () => {
    const { status, text } = await ran(replay, "--detector", "trees", "--cold", "--from", "@150");
    expect(status).toBe(0);
    expect(text).toContain("With a model that began with nothing,");
    expect(text).not.toContain(", 0 scores of");
  });

  test("takes a stretch by positions, by times and by rows", async () => {
    const some = await ran(replay, "--detector", "trees", "--from", "@60", "--to", "@120");
    expect(some.text).toMatch(/from @60 to @1(1\d|20)/);
    expect(some.text).toContain("Everything is equal");
    const few = await ran(replay, "--detector", "trees", "--rows-max", "7");
    expect(few.text).toContain("Everything is equal: 7 verdicts");
    const all = await ran(
      replay,
      "--detector",
      "trees",
      "--from",
      "2020-01-01",
      "--to",
      "2100-01-01T00:00Z",
    );
    expect(all.text).toContain(`Everything is equal: ${sentTo("trees").length} verdicts`);
    await expect(ran(replay, "--detector", "trees", "--from", "2100-01-01")).rejects.toThrow(
      /the journal has nothing from 2100/,
    );
  });

  test("tells where a verdict is another though nothing was changed, and fails", async () => {
    const { data, of } = withAnotherScore(kept.data, join(out, "altered"));
    const ranAll = await Promise.all(
      names.map((detector) => ranOn(data, replay, "--detector", detector)),
    );
    const [wrong, ...more] = ranAll.filter(({ status }) => status !== 0);
    expect(more).toEqual([]);
    expect(wrong?.status).toBe(3);
    expect(wrong?.text).toContain("NOT as it was: 1 of ");
    expect(wrong?.text).toMatch(new RegExp(`The first: row ${of}:0 .*score 0.123 live and `));
    const row = await ranOn(data, explain, "--at", `${of}:0`);
    expect(row.status).toBe(3);
    expect(row.text).toContain("NOT as the journal has it: score 0.123 live and ");
    expect((await ran(explain, "--at", `${of}:0`)).status).toBe(0);
  });

  test("says what is wrong with the data, without a stack", async () => {
    const lines: string[] = [];
    const print = (text: string): void => void lines.push(text);
    const terminal = { print, error: print, interactive: false };
    for (const verb of [["replay"], ["explain", "--id", "x"]]) {
      const status = await dispatch([...verb, "--detector", "d", "--data", out], terminal);
      expect(status).toBe(1);
      expect(lines.at(-1)).toMatch(/^weir: .* holds no state: there is no journal\/[^\n]*$/);
    }
  });

  test("says which detectors there are when the one that is asked for is none", async () => {
    await expect(ran(replay, "--detector", "threes")).rejects.toThrow(
      /no rows of the detector "threes".*rows were there of cell, trees, windows/,
    );
  });
});

function answerOf(explained: Explained | undefined): object | undefined {
  const answered = explained?.answered;
  if (answered === undefined) return undefined;
  return {
    score: answered.scores[0],
    threshold: answered.thresholds[0],
    anomaly: answered.anomalies[0],
    source: answered.sources[0],
    state: answered.states[0],
    rule: answered.rules[0],
    rawScore: answered.rawScores[0],
    modelVersion: answered.modelVersions[0],
    systemAction: answered.systemActions[0],
    replayed: answered.replayed[0],
  };
}

function sameAs(row: SentRow): object {
  const { anomaly, modelVersion, rawScore, replayed, rule, score } = row;
  const { source: from, state, systemAction, threshold } = row;
  return {
    score,
    threshold,
    anomaly,
    source: from,
    state,
    rule,
    rawScore,
    modelVersion,
    systemAction,
    replayed,
  };
}

describe("weir explain", () => {
  test.each(names)(
    "gives %s's verdicts as the clients got them, with the same reasons",
    (detector) => {
      const explainedLive: SentRow[] = [];
      const rows = sentTo(detector).filter(
        ({ id }) => id !== "" && id !== "twice" && id !== "late",
      );
      for (const row of someOf(rows)) {
        const explained = explainIn(source, module, { detector, id: row.id, key: row.key });
        expect(answerOf(explained), row.id).toEqual(sameAs(row));
        expect(explained?.differences).toEqual([]);
        expect(explained?.byFallback).toBe(false);
        const [reasons] = explained?.modelled.explanations ?? [];
        if (row.explanation !== undefined) {
          explainedLive.push(row);
          expect(reasons).toEqual(row.explanation);
        }
        if (!Number.isNaN(row.score)) expect(reasons?.reasons.length).toBeGreaterThan(0);
        if (row.features !== undefined)
          expect([...(explained?.modelled.features ?? [])]).toEqual(row.features);
      }
      expect(explainedLive.length).toBeGreaterThan(1);
    },
  );

  test.each(names)("explains what %s's model said where a fallback answered", (detector) => {
    const row = sentTo(detector).find(({ id }) => id === "late");
    expect(row?.source).not.toBe(Source.MODEL);
    const explained = explainVerdict(kept.data, module, { detector, id: "late", key: undefined });
    expect(explained?.byFallback).toBe(true);
    if (row === undefined) throw new Error("not sent");
    expect(answerOf(explained)).toEqual(sameAs(row));
    if (detector !== "trees") expect(row.rawScore).not.toBe(0);
    expect(row.modelVersion).toBeGreaterThan(0);
    expect(explained?.modelled.sources[0]).toBe(Source.MODEL);
    expect(explained?.modelled.explanations?.[0]?.reasons.length).toBeGreaterThan(0);
  });

  test.each(names)(
    "of an id of %s that came twice, explains the row that was scored",
    (detector) => {
      const [first, second] = sentTo(detector).filter(({ id }) => id === "twice");
      expect([first?.replayed, second?.replayed]).toEqual([0, 1]);
      const explained = explainIn(source, module, { detector, id: "twice", key: undefined });
      if (first === undefined || explained === undefined) throw new Error("not found");
      expect(answerOf(explained)).toEqual(sameAs(first));
      expect(explained.repeats).toHaveLength(1);
      const [place] = explained.repeats;
      if (place === undefined) throw new Error("no repeat");
      const repeat = explainIn(source, module, place);
      expect(repeat?.eventId).toBe("twice");
      expect(repeat?.modelled.replayed[0]).toBe(1);
      expect(repeat?.modelled.scores[0]).toBe(first.score);
      expect(repeat?.modelled.explanations?.[0]).toBeUndefined();
      const verdict = asExplainedVerdict(explained);
      expect(verdict.detector.name).toBe(detector);
      expect(verdict.version).toBeGreaterThan(0);
    },
  );

  test("can be posted to another thread", () => {
    const explained = explainIn(source, module, {
      detector: "windows",
      id: "last",
      key: undefined,
    });
    expect(structuredClone(explained)).toEqual(explained);
  });

  test("tells a text, or JSON with the scores as they are", async () => {
    const row = sentTo("trees").find(({ id }) => id === "last");
    const text = await ran(explain, "--detector", "trees", "--id", "last");
    expect(text.status).toBe(0);
    expect(text.text).toContain(`score ${row?.score} (model)`);
    expect(text.text).toContain("for the average row, and");
    const json = await ran(explain, "--detector", "trees", "--id", "last", "--json");
    expect(JSON.parse(json.text)).toMatchObject({
      detector: "trees",
      key: row?.key,
      answered: { score: row?.score, source: "model" },
      byFallback: false,
      differences: [],
    });
  });

  test("finds nothing where nothing is", async () => {
    await expect(ran(explain, "--detector", "trees", "--id", "nowhere")).rejects.toThrow(
      'no row of the detector "trees" has the id "nowhere"',
    );
    await expect(ran(explain, "--at", "1:0")).rejects.toThrow("there is no row 1:0");
    await expect(
      ran(explain, "--detector", "trees", "--id", "last", "--key", "no such"),
    ).rejects.toThrow('of the key "no such"');
  });
});

/** The first rows, where the models have little to say; then some with reasons, and some without. */
function someOf(rows: readonly SentRow[]): readonly SentRow[] {
  const later = rows.slice(5);
  const hasReasons = ({ explanation }: SentRow): boolean => explanation !== undefined;
  const some = (_: SentRow, i: number): boolean => i % 5 === 0;
  return [
    ...rows.slice(0, 5),
    ...later.filter(hasReasons).filter(some),
    ...later.filter((row) => !hasReasons(row)).filter(some),
  ];
}
