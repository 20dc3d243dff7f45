import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { limits } from "../../../src/config/limits.ts";
import { Encoder } from "../../../src/encode/encoder.ts";
import { FittedError } from "../../../src/fitted/errors.ts";
import { FittedModels } from "../../../src/fitted/fitted-models.ts";
import type { FitRequest } from "../../../src/fitted/fitted-models.ts";
import { decodeModelFile, encodeModelFile } from "../../../src/models/model-file.ts";
import { mulberry, normal } from "../../kernel.ts";
import { InThreadPool } from "../../support/in-thread-pool.ts";

let directory: string;
let pool: InThreadPool;
let unixMs: number;
let models: FittedModels;

const random = mulberry(5);
const values = Float64Array.from({ length: 300 }, () => normal(random));
const table = { values, rows: 150, columns: 2 };

function request(changes: Partial<FitRequest> = {}): FitRequest {
  return {
    name: "cards",
    kind: "ecod",
    normalization: "standardization",
    table,
    columns: ["f0", "f1"],
    encoder: null,
    parameters: {},
    contamination: 0.1,
    overwrite: true,
    description: null,
    ...changes,
  };
}

async function openModels(): Promise<FittedModels> {
  const clock = { now: () => performance.now(), unixMs: () => unixMs };
  return FittedModels.open({ directory, trainer: pool, scorer: pool, clock, version: "1.2.3" });
}

async function reasonOf(action: Promise<unknown>): Promise<string> {
  const error: unknown = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof FittedError)) throw new Error("it was not refused", { cause: error });
  return error.reason;
}

const key = { name: "cards", kind: "ecod", normalization: "standardization" } as const;

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "weir-fitted-")), "models");
  pool = await InThreadPool.make();
  unixMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  models = await openModels();
});
afterEach(async () => {
  await rm(join(directory, ".."), { recursive: true, force: true });
});

describe("a fit", () => {
  it("saves the model whole, and it scores alike after a restart", async () => {
    const { fitted, stored } = await models.fit(request({ description: "nights" }));
    expect(await readdir(directory)).toEqual(["cards_ecod.weir"]);
    expect(stored).toMatchObject({
      name: "cards",
      fileName: "cards_ecod.weir",
      description: "nights",
      created: "2026-01-02T03:04:05.678Z",
      normalization: "standardization",
      versioned: false,
    });
    const file = decodeModelFile(await readFile(stored.path));
    expect(file.header).toMatchObject({ weir: "1.2.3", rows: 150, scaler: "robust" });

    const again = await openModels();
    const found = await again.find(key);
    if (found === undefined) throw new Error("it was not found");
    expect(found.header).toEqual(fitted.header);
    expect(await again.score(found, values, true)).toEqual(
      await models.score(fitted, values, true),
    );
    expect(pool.trained).toBe(1);
  });

  it.each(["standardization", "zscore", "raw"] as const)(
    "flags the contamination's share of its own rows (%s)",
    async (normalization) => {
      const { fitted } = await models.fit(request({ normalization, kind: "isolation_forest" }));
      const { scores } = await models.score(fitted, values, false);
      const { threshold } = fitted.header;
      expect(scores.filter((score) => score > threshold)).toHaveLength(15);
      // numpy.percentile(scores, 90): position 134.1 of 149.
      const sorted = scores.toSorted();
      const [low = 0, high = 0] = sorted.subarray(134, 136);
      expect(threshold).toBeCloseTo(low + 0.1 * (high - low), 12);
    },
  );

  it("has 0.5 as the threshold of calibrated scores", async () => {
    const { fitted } = await models.fit(request({ normalization: "calibrated" }));
    expect(fitted.header.threshold).toBe(0.5);
  });

  it("gives the same model for the same rows", async () => {
    const one = await models.fit(request({ kind: "isolation_forest" }));
    const two = await models.fit(request({ kind: "isolation_forest", name: "other" }));
    expect(one.fitted.model).toEqual(two.fitted.model);
  });

  it.each(["a/b", "a\\b", "..", "a..b", "", "a\nb", "x".repeat(129), "\ud800"])(
    "refuses the name %j, and trains nothing",
    async (name) => {
      expect(await reasonOf(models.fit(request({ name })))).toBe("invalid");
      expect(pool.trained).toBe(0);
    },
  );

  it("leaves the old model where the kind cannot train", async () => {
    const { fitted } = await models.fit(request());
    const one = { values: Float64Array.of(1, 2), rows: 1, columns: 2 };
    await expect(models.fit(request({ table: one }))).rejects.toThrow("fewer rows");
    expect(await models.find(key)).toBe(fitted);
    expect(await models.list()).toHaveLength(1);
  });

  it("refuses a further file when there are too many, but replaces one", async () => {
    const { stored } = await models.fit(request());
    const bytes = await readFile(stored.path);
    for (let i = 1; i < limits.modelFilesMax; i++) {
      await writeFile(join(directory, `m${i}_ecod.weir`), bytes.subarray(0, 30));
    }
    expect(await reasonOf(models.fit(request({ name: "another" })))).toBe("too_many");
    expect(pool.trained).toBe(1);
    await models.fit(request());
    expect(pool.trained).toBe(2);
  });
});

describe("rows that wait for a thread", () => {
  it("are bounded, and their room is given back", async () => {
    const { fitted } = await models.fit(request());
    const release = Promise.withResolvers<void>();
    const scored = await pool.score({
      modelId: "x",
      model: fitted.model,
      rows: new Float64Array(0),
      normalization: "raw",
    });
    pool.score = async () => {
      await release.promise;
      return scored;
    };
    const half = new Float64Array(limits.fitNumbersHeldMax / 2);
    const waiting = [models.score(fitted, half, false), models.score(fitted, half, false)];
    expect(await reasonOf(models.score(fitted, new Float64Array(2), false))).toBe("too_many");
    expect(await reasonOf(models.fit(request({ name: "other" })))).toBe("too_many");
    release.resolve();
    await Promise.all(waiting);
    // A lone request always has room.
    expect(await models.score(fitted, new Float64Array(half.length * 3), false)).toBe(scored);
    expect((await models.fit(request({ name: "other" }))).stored.name).toBe("other");
  });
});

describe("versions", () => {
  it("are named by date and time, and never replace each other", async () => {
    const names = await Promise.all(
      [0, 1, 2].map(async () => (await models.fit(request({ overwrite: false }))).stored.name),
    );
    expect(names.toSorted()).toEqual([
      "cards_20260102_030405",
      "cards_20260102_030406",
      "cards_20260102_030407",
    ]);
    expect(await models.list()).toHaveLength(3);
  });

  it("-latest means the newest one, without one the plain name", async () => {
    expect(await models.resolve({ ...key, name: "cards-latest" })).toBe("cards");
    await models.fit(request({ overwrite: false }));
    unixMs += 86_400_000;
    await models.fit(request({ overwrite: false, normalization: "raw" }));
    unixMs += 86_400_000;
    await models.fit(request({ overwrite: false, name: "cards_two" }));
    const latest = { name: "cards-latest", kind: "ecod" } as const;
    expect(await models.resolve(latest)).toBe("cards_20260103_030405");
    expect(await models.resolve({ ...key, name: "cards-latest" })).toBe("cards_20260102_030405");
    expect(await models.resolve({ ...latest, kind: "knn" })).toBe("cards");
    expect(await models.resolve({ ...latest, name: "../x-latest" })).toBe("../x-latest");
  });
});

describe("looking a model up", () => {
  it("another kind or normalization is another model", async () => {
    await models.fit(request());
    expect(await models.find(key)).toBeDefined();
    expect(await models.find({ ...key, normalization: "raw" })).toBeUndefined();
    expect(await models.find({ ...key, kind: "knn" })).toBeUndefined();
    expect(await models.find({ ...key, name: "../cards" })).toBeUndefined();
  });

  it("keeps both normalizations in memory, the last one on disk", async () => {
    await models.fit(request());
    await models.fit(request({ normalization: "raw" }));
    expect(await models.find(key)).toBeDefined();
    const again = await openModels();
    expect(await again.find(key)).toBeUndefined();
    expect(await again.find({ ...key, normalization: "raw" })).toBeDefined();
  });

  it("reads a model again that has left memory, once for many requests", async () => {
    await models.fit(request());
    for (let i = 0; i < limits.fittedModelsMax; i++) {
      await models.fit(request({ name: `m${i}` }));
    }
    const checked = pool.checked;
    const found = await Promise.all([models.find(key), models.find(key), models.find(key)]);
    expect(found[0]?.header.name).toBe("cards");
    expect(new Set(found).size).toBe(1);
    expect(pool.checked).toBe(checked + 1);
  });

  it("a deleted file's model stays in memory", async () => {
    await models.fit(request());
    await models.delete("cards_ecod.weir");
    expect(await models.find(key)).toBeDefined();
    expect(await models.list()).toEqual([]);
    expect(await (await openModels()).find(key)).toBeUndefined();
    expect(await reasonOf(models.delete("cards_ecod.weir"))).toBe("no_file");
    expect(await reasonOf(models.load("cards", "ecod"))).toBe("no_file");
  });

  it("save writes it again", async () => {
    await models.fit(request({ description: "one" }));
    await models.delete("cards_ecod.weir");
    const stored = await models.save(key, "two");
    expect(stored.description).toBe("two");
    expect(await (await openModels()).find(key)).toBeDefined();
    expect(await reasonOf(models.save({ ...key, name: "never" }, null))).toBe("not_fitted");
  });

  it("a renamed file is a renamed model", async () => {
    const { stored } = await models.fit(request());
    await writeFile(join(directory, "moved_ecod.weir"), await readFile(stored.path));
    expect((await models.load("moved", "ecod")).header.name).toBe("moved");
    await writeFile(join(directory, "moved_knn.weir"), await readFile(stored.path));
    expect(await reasonOf(models.load("moved", "knn"))).toBe("unreadable");
  });

  it("carries its encoder", async () => {
    const schema = new Map([["v", "label"]] as const);
    const encoder = Encoder.fit(schema, [{ v: "b" }, { v: "a" }]);
    const rows = {
      values: Float64Array.from({ length: 20 }, (_, i) => i % 3),
      rows: 20,
      columns: 1,
    };
    await models.fit(request({ table: rows, columns: encoder.columns, encoder: encoder.state() }));
    const found = await (await openModels()).find(key);
    const out = new Float64Array(1);
    found?.encoder?.encode({ v: "b" }, out);
    expect(out[0]).toBe(2);
  });
});

describe("files from strangers", () => {
  it("a damaged one is told, listed and can be deleted", async () => {
    const { stored } = await models.fit(request());
    await truncate(stored.path, 1000);
    await utimes(stored.path, 1, 2);
    const again = await openModels();
    expect(await reasonOf(again.load("cards", "ecod"))).toBe("unreadable");
    await expect(again.load("cards", "ecod")).rejects.toThrow(
      /cards_ecod.weir cannot be read: at byte/,
    );
    await truncate(stored.path, 10);
    const third = await openModels();
    expect(await third.find(key)).toBeUndefined();
    expect(await third.list()).toMatchObject([{ name: "cards", normalization: undefined }]);
    await third.delete("cards_ecod.weir");
  });

  it("a model that the kernel does not take is not used", async () => {
    const { fitted, stored } = await models.fit(request());
    const bad = Uint8Array.from(fitted.model);
    bad.fill(0xff, 300, 340);
    const forged = encodeModelFile({ header: fitted.header, model: bad });
    await writeFile(stored.path, forged);
    const again = await openModels();
    expect(await reasonOf(again.load("cards", "ecod"))).toBe("unreadable");
  });

  it("what is no model's file is not looked at", async () => {
    await writeFile(join(directory, "notes.txt"), "x");
    await writeFile(join(directory, "x.weir"), "x");
    await mkdir(join(directory, "dir_ecod.weir"));
    expect(await models.list()).toEqual([]);
    expect(await reasonOf(models.delete("notes.txt"))).toBe("no_file");
    expect(await reasonOf(models.delete("../models/notes.txt"))).toBe("no_file");
    // File systems take 255 bytes.
    expect(await reasonOf(models.delete(`${"x".repeat(400)}_ecod.weir`))).toBe("no_file");
  });

  it("a version's name is no longer than a name that can be asked for", async () => {
    const bytes = limits.modelNameBytesMax - "_20260102_030405".length;
    const { stored } = await models.fit(request({ name: "x".repeat(bytes), overwrite: false }));
    expect((await (await openModels()).load(stored.name, "ecod")).fileName).toBe(stored.fileName);
    const longer = request({ name: "x".repeat(bytes + 1), overwrite: false });
    expect(await reasonOf(models.fit(longer))).toBe("invalid");
  });

  it("what a write left behind that did not end is removed", async () => {
    await writeFile(join(directory, "0b5c.new"), "half");
    await openModels();
    expect(await readdir(directory)).toEqual([]);
  });

  it("lists the newest first, and reads a header once", async () => {
    for (const name of ["b", "a", "c"]) {
      unixMs += 1000;
      await models.fit(request({ name }));
    }
    const [first] = await models.list();
    expect((await models.list()).map(({ name }) => name)).toEqual(["c", "a", "b"]);
    expect((await models.list())[0]).toBe(first);
  });
});
