import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Encoder } from "../../../src/encode/encoder.ts";
import { ProcessState } from "../../../src/state/process-state.ts";
import type {
  CatalogueEntry,
  KeptRowJson,
  ProcessChange,
} from "../../../src/state/process-change.ts";

const windowRows = 30;
const spec = { ecod: {}, window: { rows: windowRows, min_samples: 10 } };
/** Rows that discovery takes beyond the window. */
const overflow = 4 * 2048;

const detector = (name: string, slot: number): CatalogueEntry => ({ name, slot, version: 1, spec });

const row = (i: number): KeptRowJson => ({
  id: `id ${i}`,
  key: "k",
  timeUnixMs: i,
  fields: [["a", i]],
});

const rows = (from: number, count: number): KeptRowJson[] =>
  Array.from({ length: count }, (_, i) => row(from + i));

function encoding() {
  const encoder = Encoder.forStream(
    new Map([
      ["country", "label"],
      ["__proto__", "frequency"],
    ]),
  );
  encoder.fix();
  return encoder;
}

describe("the state of the process", () => {
  it("holds the newest catalogue", () => {
    const state = new ProcessState();
    expect(state.catalogue.detectors).toEqual([]);
    for (const detectors of [[detector("a", 0)], [detector("a", 0), detector("b", 1)]]) {
      state.apply({ kind: "catalogue", catalogue: { detectors } });
      expect(state.catalogue.detectors).toEqual(detectors);
    }
  });

  it("keeps the newest rows of a detector, a window and what discovery takes beyond it", () => {
    const state = new ProcessState();
    state.apply({ kind: "catalogue", catalogue: { detectors: [detector("a", 5)] } });
    let total = 0;
    for (const count of [1, 20, 5000, 3000, 7, 9000, 2048, 1]) {
      state.apply({ kind: "kept", slot: 5, rows: rows(total, count) });
      total += count;
      const kept = state.kept(5)!;
      expect(kept.total).toBe(total);
      expect(kept.rows.length).toBe(Math.min(total, windowRows + overflow));
      expect(kept.rows.at(-1)).toEqual(row(total - 1));
      expect(kept.rows[0]).toEqual(row(total - kept.rows.length));
    }
    expect(state.kept(4)).toBeUndefined();
  });

  it("counts rows without any field, and keeps none of them", () => {
    const state = new ProcessState();
    const empty = { ...row(1), fields: [] };
    state.apply({ kind: "kept", slot: 0, rows: [empty, row(2), empty] });
    expect(state.kept(0)).toEqual({ total: 3, rows: [row(2)] });
  });

  it("learns encodings as the server does, a row at a time", () => {
    const live = encoding();
    const state = new ProcessState();
    state.apply({ kind: "encoding", slot: 2, state: live.state() });
    const text = fc.constantFrom("DE", "FR", "", "x", null);
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 20 }), (texts) => {
        state.apply({ kind: "encoded", slot: 2, rows: texts });
        for (const one of texts) {
          live.learn(Object.fromEntries(live.features.map((name, i) => [name, one[i] ?? null])));
        }
        expect(state.encoding(2)).toEqual(live.state());
      }),
      { numRuns: 50 },
    );
    expect(
      state.encoding(2)!.features.some((each) => "values" in each && each.values.length > 2),
    ).toBe(true);
  });

  it("teaches the encodings of all slots that a row is for, and goes on alike after JSON", () => {
    const live = encoding();
    let state = new ProcessState();
    for (const slot of [2, 5]) state.apply({ kind: "encoding", slot, state: live.state() });
    const learn = (text: string): void => {
      state.apply({ kind: "encoded", slot: 2, also: [5], rows: [[text, text]] });
      live.learn(Object.fromEntries(live.features.map((name) => [name, text])));
    };
    for (const text of ["new", "FR", "FR", "FR", "FR", "new", "FR"]) learn(text);
    state = ProcessState.fromJson(JSON.parse(JSON.stringify(state.toJson())));
    for (const text of ["FR", "x", "FR"]) learn(text);
    expect([...state.encodings()]).toEqual([
      [2, live.state()],
      [5, live.state()],
    ]);
    state.apply({ kind: "forgotten", slot: 5 });
    expect([...state.encodings().keys()]).toEqual([2]);
  });

  it("forgets a slot's rows and encoding, and no other's", () => {
    const state = new ProcessState();
    for (const slot of [1, 2]) {
      state.apply({ kind: "kept", slot, rows: rows(0, 3) });
      state.apply({ kind: "encoding", slot, state: encoding().state() });
    }
    state.apply({ kind: "forgotten", slot: 1 });
    expect([state.kept(1), state.encoding(1)]).toEqual([undefined, undefined]);
    expect(state.kept(2)!.total).toBe(3);
    expect(state.encoding(2)).toBeDefined();
  });

  it("is the same through JSON in the middle of any changes", () => {
    const slot = fc.nat({ max: 2 });
    const change: fc.Arbitrary<ProcessChange> = fc.oneof(
      fc.record({
        kind: fc.constant("kept" as const),
        slot,
        rows: fc.nat({ max: 400 }).map((count) => rows(count, count)),
      }),
      fc.record({ kind: fc.constant("forgotten" as const), slot }),
      fc.record({
        kind: fc.constant("encoding" as const),
        slot: fc.constant(3),
        state: fc.constant(encoding().state()),
      }),
      fc.record({
        kind: fc.constant("encoded" as const),
        slot: fc.constant(3),
        rows: fc.constant([["DE", null]]),
      }),
      fc.constant({
        kind: "catalogue" as const,
        catalogue: {
          detectors: [
            detector("a", 0),
            { ...detector("b", 1), discovered: ["x"], uncounted: 4, versions: { kept: [1] } },
          ],
        },
      }),
    );
    const begin: ProcessChange = { kind: "encoding", slot: 3, state: encoding().state() };
    fc.assert(
      fc.property(fc.array(change), fc.array(change), (before, after) => {
        const state = new ProcessState();
        for (const one of [begin, ...before]) state.apply(one);
        const json: unknown = JSON.parse(JSON.stringify(state.toJson()));
        const again = ProcessState.fromJson(json);
        for (const one of after) {
          state.apply(one);
          again.apply(one);
        }
        expect(again.toJson()).toEqual(state.toJson());
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    [null, "the state of the process is not what Weir writes: it: "],
    [{ format: 2, catalogue: { detectors: [] }, kept: [], encodings: [] }, "format: "],
    [
      {
        format: 1,
        catalogue: { detectors: [detector("a", 1), detector("b", 1)] },
        kept: [],
        encodings: [],
      },
      "catalogue.detectors: expected a slot of its own for each detector",
    ],
    [
      {
        format: 1,
        catalogue: { detectors: [] },
        kept: [{ slot: 1, total: 1, rows: [{}] }],
        encodings: [],
      },
      "kept.0.rows.0.id: ",
    ],
  ])("refuses %j, and says where", (json, expected) => {
    expect(() => ProcessState.fromJson(json)).toThrow(expected);
  });

  it("names the entry whose texts have no encoding", () => {
    const body = Buffer.from(JSON.stringify({ kind: "encoded", slot: 7, rows: [["x"]] }));
    const entry = { position: 42, shard: 255, kind: 6, unixMs: 0, rows: 0, body } as const;
    expect(() => new ProcessState().applyEntry(entry)).toThrow(
      "entry 42 of the journal: texts for the encoding of slot 7, which has none",
    );
  });
});
