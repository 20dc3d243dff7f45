import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setTimeout as pause } from "node:timers/promises";
import { explain } from "../../src/cli/explain.ts";
import { replay } from "../../src/cli/replay.ts";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { Kind } from "../../src/state/journal/entry.ts";
import { ProcessState } from "../../src/state/process-state.ts";
import { isCatalogue, Slots, slotsOf } from "../../src/state/replay/slots.ts";
import { openStateSource } from "../../src/state/replay/source.ts";
import { createDetector, event, request, submit } from "../support/core.ts";
import { keptModulePath } from "../support/kept-core.ts";
import { startShadow } from "../support/shadows.ts";
import { startVersions } from "../support/versions-rig.ts";
import type { VersionRig } from "../support/versions-rig.ts";

const spec = {
  inputs: [{ name: "amount" }],
  halfSpaceTrees: { window: 20 },
  threshold: 0.5,
  timeoutMs: 5000,
  burnInEvents: 5,
};
const BATCH = 100;

/** A server's data directory, and what its clients got, by id. */
interface Served {
  readonly data: string;
  readonly scores: Map<string, number>;
  /** Which version served the row. */
  readonly versions: Map<string, number>;
}

const served: Served[] = [];
afterAll(() => {
  for (const { data } of served) rmSync(data, { recursive: true, force: true });
});

/** Sends rows with ids of their own to a detector. */
// oxlint-disable-next-line max-params -- how much of what
async function send(rig: VersionRig, to: Served, rows: number, keys = 5): Promise<void> {
  for (let left = rows; left > 0; left -= BATCH) {
    const from = to.scores.size;
    const events = Array.from({ length: Math.min(left, BATCH) }, (_, row) => {
      const at = from + row;
      const amount = ((at * 7919) % 1009) / 1009;
      return event({ id: `e${at}`, key: `key-${at % keys}`, numbers: { amount } });
    });
    const version = rig.core.detectors.versionOf("pr");
    // oxlint-disable-next-line no-await-in-loop -- one after the other, as a client does
    const verdicts = await submit(rig.core, request({ detector: "pr", events }));
    for (const [row, { id }] of events.entries()) {
      to.scores.set(id, verdicts.scores[row] ?? Number.NaN);
      to.versions.set(id, version);
    }
  }
}

async function servedBy(act: (rig: VersionRig, to: Served) => Promise<void>): Promise<Served> {
  const rig = await startVersions();
  const to = { data: rig.data, scores: new Map(), versions: new Map() };
  served.push(to);
  await createDetector(rig.core, "pr", spec);
  await act(rig, to);
  await rig.close();
  return to;
}

interface Ran {
  readonly status: number;
  readonly text: string;
}

async function ran(verb: typeof replay, data: string, ...argv: readonly string[]): Promise<Ran> {
  const lines: string[] = [];
  const print = (text: string): void => void lines.push(text);
  const terminal = { print, error: print, interactive: false };
  const status = await verb(["--data", data, ...argv], terminal, keptModulePath);
  return { status, text: lines.join("\n") };
}

async function replayed(data: string, detector: string, ...more: readonly string[]) {
  const out = join(data, "verdicts.ndjson");
  const { status, text } = await ran(replay, data, "--detector", detector, "--out", out, ...more);
  const rows = readFileSync(out, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { status, text, rows };
}

function byId(rows: readonly Record<string, unknown>[], column: string): unknown {
  return rows
    .map((row) => [row["id"], row[column] ?? Number.NaN])
    .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

function sorted(all: ReadonlyMap<string, number>): unknown {
  return [...all].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

async function expectWhole(of: Served): Promise<void> {
  const { status, text, rows } = await replayed(of.data, "pr");
  expect(text).toContain(`Everything is equal: ${of.scores.size.toLocaleString("en")} verdicts`);
  expect(status).toBe(0);
  expect(byId(rows, "live_score")).toEqual(sorted(of.scores));
  expect(byId(rows, "score")).toEqual(sorted(of.scores));
  expect(byId(rows, "version")).toEqual(sorted(of.versions));
}

async function explained(
  data: string,
  id: string,
  detector = "pr",
): Promise<Record<string, unknown>> {
  const { text } = await ran(explain, data, "--detector", detector, "--id", id, "--json");
  return JSON.parse(text) as Record<string, unknown>;
}

async function expectExplained(of: Served, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    // oxlint-disable-next-line no-await-in-loop -- each has the machine to itself
    expect(await explained(of.data, id), id).toMatchObject({
      version: of.versions.get(id),
      part: "serving",
      answered: { score: of.scores.get(id) },
      byFallback: false,
      differences: [],
    });
  }
}

describe("after a promotion", () => {
  let promoted: Served;
  beforeAll(async () => {
    promoted = await servedBy(async (rig, to) => {
      await send(rig, to, 2000);
      const other = { ...spec, halfSpaceTrees: { window: 20, trees: 25 } };
      await startShadow(rig, { name: "prs", shadowed: "pr", spec: other });
      await send(rig, to, 1000);
      await rig.shadows.promote("prs");
      await send(rig, to, 1000);
      // What waits for a shadow that is stopped is dropped.
      await until(() => rig.shadows.report("prs").rowsBehind === 0);
      await rig.shadows.stop("prs");
      await send(rig, to, 1000);
    });
  });

  test("every row that was served is replayed, once, with the version that served it", async () => {
    expect(promoted.scores.size).toBe(5000);
    expect(new Set(promoted.versions.values())).toEqual(new Set([1, 2]));
    await expectWhole(promoted);
  });

  test("a verdict of any time is explained as the client got it", async () => {
    await expectExplained(promoted, ["e150", "e2500", "e3500", "e4900"]);
    const { text } = await ran(explain, promoted.data, "--detector", "pr", "--id", "e4900");
    expect(text).toMatch(/^pr, version 2 serving, row \d+:\d+\n/);
  });

  test("a stretch behind the promotion is known by its name, too", async () => {
    const { text } = await ran(explain, promoted.data, "--detector", "pr", "--id", "e4000");
    const [, position] = /row (\d+):/.exec(text) ?? [];
    const { text: found } = await replayed(promoted.data, "pr", "--from", `@${position}`);
    expect(found).toMatch(/Everything is equal: (9\d\d|1,000) verdicts/);
  });

  test("another specification learns from all of them", async () => {
    const path = join(promoted.data, "same.yaml");
    writeFileSync(
      path,
      "inputs: [{ name: amount }]\nhalf_space_trees: { window: 20 }\nthreshold: 0.5\nburn_in_events: 5\n",
    );
    const { rows } = await replayed(promoted.data, "pr", "--spec", path);
    expect(rows).toHaveLength(5000);
    const before = rows.filter(({ version }) => version === 1);
    expect(before).toHaveLength(3000);
    expect(before.every((row) => row["score"] === row["live_score"])).toBe(true);
  });

  test("what a shadow was fed is replayed and explained by its own name", async () => {
    const { rows, text } = await replayed(promoted.data, "prs");
    expect(text).toContain("Everything is equal: 2,000 verdicts");
    const ids = new Set(rows.map(({ id }) => id));
    expect([ids.has("e1999"), ids.has("e2000"), ids.has("e3999"), ids.has("e4000")]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(await explained(promoted.data, "e2500", "prs")).toMatchObject({
      detector: "prs",
      part: "shadow",
      answered: null,
      differences: [],
    });
    await expect(explained(promoted.data, "e1", "prs")).rejects.toThrow("no row of the detector");
  });

  test("snapshots tell whose the slots' rows are", () => {
    expect(expectSameFromSnapshots(promoted)).toBe(4);
  });

  test("messages name the directory as it was given", async () => {
    const given = relative(process.cwd(), promoted.data);
    await expect(ran(explain, given, "--detector", "d1", "--id", "x")).rejects.toThrow(
      `in what ${given} keeps`,
    );
    await expect(ran(explain, given, "--at", "1:0")).rejects.toThrow(`no row 1:0 in ${given}:`);
    await expect(ran(replay, given, "--detector", "d1")).rejects.toThrow(
      `in that stretch of ${given} (`,
    );
    const out = join(given, "all.csv");
    const { text } = await ran(replay, given, "--detector", "pr", "--out", out);
    expect(text).toContain(`Written: ${out}`);
  });
});

/** Of every slot: what it holds, and whose its rows are, those that are fed aside as long as it is a shadow. */
function ownersOf(slots: Slots): readonly (readonly unknown[])[] {
  return Array.from({ length: 8 }, (_, slot) => {
    const [live, aside] = [slots.owner(slot, false), slots.owner(slot, true)];
    const held = slots.at(slot);
    return [slot, live?.name, aside?.name === held?.name ? aside : undefined, held];
  }).filter(([, live]) => live !== undefined);
}

/** At every catalogue of a journal a snapshot would know the same of the slots as the journal does. */
function expectSameFromSnapshots({ data }: Served): number {
  const slots = new Slots(new Map());
  const state = new ProcessState();
  let catalogues = 0;
  const kinds = [Kind.CHANGE, Kind.PROCESS];
  for (const entry of openStateSource(data).entries({ after: 0, kinds })) {
    slots.apply(entry);
    state.applyEntry(entry);
    if (!isCatalogue(entry)) continue;
    catalogues++;
    const again = ProcessState.fromJson(JSON.parse(JSON.stringify(state.toJson())));
    const [told, kept] = [ownersOf(slots), ownersOf(new Slots(slotsOf(again)))];
    // Slots that are about to be freed are not in the catalogue any more.
    expect(told).toEqual(expect.arrayContaining([...kept]));
    expect(kept.length).toBeGreaterThan(0);
  }
  return catalogues;
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; !(await what()); i++) {
    if (i === 1000) throw new Error("it did not happen");
    // oxlint-disable-next-line no-await-in-loop -- until it did
    await pause(10);
  }
}

test("rows that a version learned from beside the one that served count once", async () => {
  const to = await servedBy(async (rig, all) => {
    await send(rig, all, 500);
    const other = { ...spec, halfSpaceTrees: { window: 15, trees: 7 } };
    await rig.versions.update("pr", normalizeSpec(other));
    await until(async () => {
      await send(rig, all, 100);
      return rig.core.detectors.versionOf("pr") === 2;
    });
    await send(rig, all, 300);
    await rig.versions.rollback("pr", 1, true);
    await until(async () => {
      await send(rig, all, 100);
      return rig.core.detectors.versionOf("pr") === 1;
    });
    await send(rig, all, 300);
  });
  expect([...to.versions.values()].at(-1)).toBe(1);
  await expectWhole(to);
  expect(expectSameFromSnapshots(to)).toBeGreaterThan(3);
  const last = to.scores.size - 1;
  await expectExplained(to, ["e150", "e550", `e${last - 350}`, `e${last}`]);
});

test("rows of a detector that is shadowed, with a share, too, count once", async () => {
  const to = await servedBy(async (rig, all) => {
    await send(rig, all, 300);
    await startShadow(rig, { name: "prs", shadowed: "pr", spec, copyState: true });
    await send(rig, all, 300);
    await rig.shadows.setShare("prs", 0.5);
    await send(rig, all, 300);
    await rig.shadows.setShare("prs", 0);
    await rig.shadows.promote("prs");
    await send(rig, all, 300);
    await until(() => rig.shadows.report("prs").rowsBehind === 0);
  });
  const { rows, text } = await replayed(to.data, "pr");
  expect(text).toContain("Everything is equal: 1,200 verdicts");
  expect(byId(rows, "live_score")).toEqual(sorted(to.scores));
  const byShadow = rows.filter((row) => row["answered_by"] === "prs");
  expect(byShadow.length).toBeGreaterThan(50);
  expect(byShadow.length).toBeLessThan(250);
  const { rows: all } = await replayed(to.data, "prs");
  expect(all).toHaveLength(900);
});

test("where a shadow with a share has no room, the live one's rows are what was answered", async () => {
  const to = await servedBy(async (rig, all) => {
    await send(rig, all, 200);
    const full = { ...spec, keysMax: 1, atKeysMax: "AT_KEYS_MAX_REFUSE" };
    await startShadow(rig, { name: "prs", shadowed: "pr", spec: full, share: 1 });
    await send(rig, all, 100);
    await send(rig, all, 300, 1000);
    expect(rig.shadows.report("prs").rowsShed).toBeGreaterThan(0);
  });
  const { rows } = await replayed(to.data, "pr");
  expect(byId(rows, "live_score")).toEqual(sorted(to.scores));
  const byShadow = rows.filter((row) => row["answered_by"] === "prs").map(({ id }) => id);
  expect(byShadow.length).toBe(100);
  expect(byShadow.every((id) => Number(String(id).slice(1)) < 300)).toBe(true);
});
