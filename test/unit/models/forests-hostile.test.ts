import { beforeAll, describe, expect, test } from "vitest";
import { instantiateModels } from "../../../src/models/module.ts";
import type { ModelExports } from "../../../src/models/module.ts";
import { WORK_BASE } from "../../../src/models/training.ts";
import { createMemory } from "../../../src/shard/module.ts";
import { mulberry, normal } from "../../kernel.ts";
import { ModelBench } from "../../models.ts";

const columns = 3;
const bodyOffset = 24;
const checksumAt = 136;
const bytes = 4 << 20;
let bench: ModelBench;
let memory: WebAssembly.Memory;
let kernel: ModelExports;
beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"]);
  memory = createMemory(bytes);
  kernel = instantiateModels(bench.module, memory);
});

/** FNV-1a over 64-bit words as assembly/model/model-check.ts has it, so that only the body's check is left to refuse. */
function sign(model: Uint8Array<ArrayBuffer>): void {
  const words = new BigUint64Array(model.buffer, model.byteOffset, model.length >>> 3);
  words[checksumAt >>> 3] = 0n;
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (const word of words) {
    hash = BigInt.asUintN(64, (hash ^ word) * 0x100_0000_01b3n);
    hash ^= hash >> 29n;
  }
  words[checksumAt >>> 3] = hash;
}

/** Scores and explains with the model at the very end of the memory, and nothing but `filler` before it. */
function runAtEnd(model: Uint8Array, rows: Float64Array, filler: number): number[] {
  const all = new Uint8Array(memory.buffer);
  const at = bytes - model.length;
  all.fill(filler, WORK_BASE);
  all.set(model, at);
  const count = rows.length / columns;
  const raws = WORK_BASE + rows.byteLength;
  const scores = raws + count * 8;
  new Float64Array(memory.buffer, WORK_BASE, rows.length).set(rows);
  kernel.scoreModel(at, WORK_BASE, count, 0, raws, scores);
  const results = [...new Float64Array(memory.buffer, raws, count)];
  for (let i = 0; i < 3; i++) {
    results.push(kernel.explainModel(at, WORK_BASE + i * columns * 8, 0, scores));
    results.push(...new Float64Array(memory.buffer, scores, columns));
  }
  return results;
}

function checkAtEnd(model: Uint8Array): number {
  new Uint8Array(memory.buffer).set(model, bytes - model.length);
  return kernel.checkModel(bytes - model.length, model.length);
}

const words = [0, 1, 2, 3, 15, 16, 255, 256, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fff0];

/** Where a mutation is likely to matter: the first words of the body and of its parts, or anywhere. */
function place(random: () => number, from: number, to: number): number {
  const span = (to - from) >>> 2;
  const reach = random() < 0.5 ? Math.min(span, 64) : span;
  return from + 4 * Math.floor(random() * reach);
}

function mutate(model: Uint8Array<ArrayBuffer>, random: () => number): Uint8Array<ArrayBuffer> {
  const copy = model.slice();
  const view = new DataView(copy.buffer);
  const from = view.getUint32(bodyOffset, true);
  const changes = 1 + Math.floor(random() * 3);
  for (let i = 0; i < changes; i++) {
    const at = place(random, from, copy.length);
    const old = view.getUint32(at, true);
    const word = words[Math.floor(random() * words.length)] ?? 0;
    const kind = random();
    if (kind < 0.3) view.setUint32(at, word, true);
    else if (kind < 0.5) view.setUint32(at, Math.floor(random() * 2 ** 32), true);
    else if (kind < 0.7) view.setUint32(at, (old ^ (1 << Math.floor(random() * 32))) >>> 0, true);
    else if (kind < 0.9) view.setUint32(at, (old + Math.floor(random() * 9) - 4) >>> 0, true);
    // The length of the body, which the frame's check lets shrink.
    else view.setUint32(28, Math.floor(random() * (copy.length - from)), true);
  }
  sign(copy);
  return copy;
}

describe.each([
  {
    name: "isolation_forest",
    kind: "isolation_forest",
    parameters: { n_estimators: 5, max_samples: 16 },
  },
  {
    name: "suod",
    kind: "suod",
    parameters: {
      base_estimators: [
        { kind: "isolation_forest", parameters: { n_estimators: 3, max_samples: 16 } },
        { kind: "hbos", parameters: {} },
        { kind: "knn", parameters: {} },
      ],
    },
  },
] as const)("bodies of $name from strangers", ({ kind, parameters }) => {
  const random = mulberry(1);
  const rows = Float64Array.from({ length: 24 * columns }, () => normal(random) * 2);

  test("are refused, or score within their bytes", () => {
    const train = Float64Array.from({ length: 24 * columns }, () => normal(random));
    const model = new Uint8Array(bench.fit(kind, train, columns, { parameters }));
    sign(model);
    expect(checkAtEnd(model)).toBe(0);
    const counts = { refused: 0, accepted: 0 };
    for (let i = 0; i < 1500; i++) {
      const hostile = mutate(model, random);
      if (checkAtEnd(hostile) !== 0) {
        counts.refused++;
        continue;
      }
      counts.accepted++;
      expect(runAtEnd(hostile, rows, 0)).toEqual(runAtEnd(hostile, rows, 0xff));
    }
    expect(counts.refused).toBeGreaterThan(300);
    expect(counts.accepted).toBeGreaterThan(100);
  });
});

describe("a model within suod's", () => {
  const magic = 0x4d52_4557;
  const train = Float64Array.from({ length: 60 }, (_, i) => Math.sin(i));
  const parameters = { base_estimators: [{ kind: "hbos", parameters: {} }] } as const;

  /** Where in the body the nested model begins. */
  function nested(model: Uint8Array<ArrayBuffer>): number {
    const view = new DataView(model.buffer);
    for (let at = view.getUint32(bodyOffset, true); at < model.length; at += 4) {
      if (view.getUint32(at, true) === magic) return at;
    }
    throw new Error("no model in the body");
  }

  test.each([
    { field: "magic", at: 0, value: 1 },
    { field: "format", at: 4, value: 2 },
    { field: "bytes", at: 8, value: 1 << 20 },
    { field: "kind: unknown", at: 12, value: 99 },
    { field: "kind: suod", at: 12, value: 12 },
    { field: "columns: more than it is fed", at: 16, value: 4 },
    { field: "columns: fewer than it is fed", at: 16, value: 2 },
    { field: "body", at: 24, value: 240 },
    { field: "bytes of the body", at: 28, value: 0xffff_fff0 },
  ])("is refused for its $field", ({ at, value }) => {
    const model = new Uint8Array(bench.fit("suod", train, columns, { parameters }));
    expect(checkAtEnd(model)).toBe(0);
    new DataView(model.buffer).setUint32(nested(model) + at, value, true);
    sign(model);
    expect(checkAtEnd(model)).toBe(5);
  });
});
