import { beforeAll, describe, expect, it } from "vitest";
import type { Parameters } from "../../../src/models/kinds.ts";
import { mulberry, normal } from "../../kernel.ts";
import { kindNames, ModelBench } from "../../models.ts";

// Whoever writes a model file can also write its checksum. So here every damage is sealed again, and what the check lets through is
// scored: nothing may trap (which is where reading outside of memory ends), go on for long or answer what is no number.

const bytes = 64 << 20;
let bench: ModelBench;
const random = mulberry(11);
const rows = Float64Array.from({ length: 180 }, () => normal(random));
const asked = Float64Array.of(0, 1, 2, 1e100, -1e100, 0, Number.NaN, 1e-300, 5);
const damages = 200;

/** Small models: most of their bytes are offsets and counts. */
const parameters: Readonly<Partial<Record<string, Parameters>>> = {
  autoencoder: { epoch_num: 2, hidden_neuron_list: [4] },
  isolation_forest: { n_estimators: 5 },
  loda: { n_random_cuts: 5 },
  suod: {
    base_estimators: [
      { kind: "hbos", parameters: {} },
      { kind: "isolation_forest", parameters: { n_estimators: 3 } },
      { kind: "knn", parameters: {} },
    ],
  },
};

const words = [0, 1, 2, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const numbers = [Number.NaN, Infinity, -Infinity, 1e308, -1e308, 0];

beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"], bytes);
});

const checksumAt = 136;
const bodyAt = 24;

/** As hashModel in assembly/model/model-check.ts. */
function seal(view: DataView): void {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (let at = 0; at < view.byteLength; at += 8) {
    const word = at === checksumAt ? 0n : view.getBigUint64(at, true);
    hash = BigInt.asUintN(64, (hash ^ word) * 0x100_0000_01b3n);
    hash ^= hash >> 29n;
  }
  view.setBigUint64(checksumAt, hash, true);
}

function pick<T>(list: readonly T[]): T | undefined {
  return list[Math.floor(random() * list.length)];
}

/** A word of the header, of the body's beginning, or of all of the body. */
function place(length: number, body: number): number {
  const which = random();
  if (which < 0.2) return Math.floor(random() * 32) * 8;
  return (
    (body + Math.floor(random() * (which < 0.6 ? Math.min(256, length - body) : length - body))) &
    ~7
  );
}

function damage(good: Uint8Array): Uint8Array {
  const bad = Uint8Array.from(good);
  const view = new DataView(bad.buffer);
  const body = view.getUint32(bodyAt, true);
  for (let i = Math.floor(random() * 3); i >= 0; i--) {
    const at = Math.min(place(bad.length, body), bad.length - 8);
    const half = random() < 0.5 ? at : at + 4;
    const how = random();
    if (how < 0.4) view.setUint32(half, pick(words) ?? 0, true);
    else if (how < 0.6) view.setUint32(half, view.getUint32(half, true) + 1, true);
    else if (how < 0.8) view.setFloat64(at, pick(numbers) ?? 0, true);
    else view.setUint8(at, view.getUint8(at) ^ (1 << Math.floor(random() * 8)));
  }
  seal(view);
  return bad;
}

describe("a model that a stranger wrote", () => {
  it.each(kindNames)("%s is refused or scores finitely", (kind) => {
    const options = { scaler: "robust", parameters: parameters[kind] ?? {} } as const;
    const good = Uint8Array.from(bench.fit(kind, rows, 3, options));
    const sealed = Uint8Array.from(good);
    seal(new DataView(sealed.buffer));
    expect(sealed).toEqual(good);
    let refused = 0;
    const startedAt = performance.now();
    for (let i = 0; i < damages; i++) {
      const bad = damage(good);
      if (bench.check(bad) !== 0) {
        refused++;
        continue;
      }
      const { raws, scores } = bench.score(bad, asked, "standardization");
      const { baseline, contributions } = bench.explain(bad, asked.slice(3, 6), "calibrated");
      const calibrated = bench.score(bad, asked, "calibrated").scores;
      const all = [...raws, ...scores, ...calibrated, baseline, ...contributions];
      expect(all.every(Number.isFinite)).toBe(true);
    }
    expect(refused).toBeGreaterThan(10);
    expect((performance.now() - startedAt) / damages).toBeLessThan(50);
  });
});
