import { copyFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { makeDetector } from "../../src/config/detector.ts";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { systemClock } from "../../src/domain/clock.ts";
import type { EventInput } from "../../src/domain/event.ts";
import { createDetector, event, request, startCore, submit } from "../support/core.ts";
import type { TestCore } from "../support/core.ts";
import { cardColumns, cardEvents, cardSpec, kernelPath } from "../support/offline.ts";
import { OfflineRig, toCsv, toNdjson, type CardEvent } from "../support/offline.ts";

const rig = new OfflineRig();
afterAll(() => rig.remove());

const cores: TestCore[] = [];
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
});

const featureNames = cardSpec.features.map(({ name }) => name);

/** Rows of an .ndjson output. */
function rowsOf(name: string): Record<string, unknown>[] {
  const lines = rig.read(name).toString().trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

function featuresOf(name: string): unknown[][] {
  return rowsOf(name).map((row) => featureNames.map((feature) => row[feature]));
}

function onlineEvent(given: CardEvent & { readonly action?: string }): EventInput {
  const { card, time, amount, tip, country, action = "" } = given;
  return event({
    key: card,
    systemAction: action,
    timeUnixMs: time,
    numbers: { ...(amount === null ? {} : { amount }), ...(tip === null ? {} : { tip }) },
    categories: country === null ? {} : { country },
  });
}

/** The features that a server answers to the same events, with null where it answers none. */
async function online(
  events: readonly CardEvent[],
  { shards, split, spec = cardSpec }: { shards: number; split: number; spec?: object },
  arrivals?: readonly number[],
): Promise<unknown[][]> {
  let arrival = 1_700_000_000_000;
  const clock = { ...systemClock, unixMs: () => arrival };
  const core = await startCore({ shards, modulePath: kernelPath, clock });
  cores.push(core);
  await createDetector(core, "cards", spec);
  const found: unknown[][] = [];
  for (let from = 0; from < events.length; from += split) {
    arrival = arrivals?.[from] ?? arrival;
    const rows = events.slice(from, from + split).map(onlineEvent);
    const verdicts = await submit(
      core,
      request({ detector: "cards", events: rows, features: true }),
    );
    const width = featureNames.length;
    for (let row = 0; row < rows.length; row++) {
      const values = verdicts.features?.subarray(row * width, (row + 1) * width) ?? [];
      found.push(Array.from(values, (value) => (Number.isNaN(value) ? null : value)));
    }
  }
  return found;
}

describe("features of a file", () => {
  const events = cardEvents(900, 7);

  test.each([
    [1, 1],
    [1, 900],
    [3, 64],
    [4, 7],
  ])("are those of a server with %i shards and %i rows a request", async (shards, split) => {
    writeFileSync(rig.path("equal.ndjson"), toNdjson(events));
    const outcome = await rig.derive("equal.ndjson", "equal-out.ndjson");
    expect(outcome).toMatchObject({ finished: true, rows: 900, skipped: 0 });
    expect(outcome.refused).toBeGreaterThan(5);
    const offline = featuresOf("equal-out.ndjson");
    expect(offline.filter((row) => row.every((value) => value === null))).toHaveLength(
      outcome.refused,
    );
    expect(offline).toEqual(await online(events, { shards, split }));
  });

  test("are those of a server also where the arrival decides", async () => {
    const spec = {
      ...cardSpec,
      keyTtlSeconds: 3600,
      eventTime: { futureTolerance: "1m", future: "on_time", late: "on_time" },
    };
    // Of every seventh row the clock of the client is five minutes ahead; between rows up to three hours pass.
    let now = 1_690_000_000_000;
    const arrivals = events.map((_, row) => (now += row % 50 === 0 ? 10_800_000 : 20_000));
    const timed = events.map((each, row) => ({
      ...each,
      time: (arrivals[row] ?? 0) + (row % 7 === 0 ? 300_000 : -(row % 3) * 30_000),
      arrival: arrivals[row],
      // What a system did is no behaviour of the card: it is not learned.
      action: row % 11 === 0 ? "blocked" : "",
    }));
    writeFileSync(rig.path("arrival.csv"), toCsv(timed));
    const detector = makeDetector("cards", 0, normalizeSpec(spec));
    const columns = {
      ...cardColumns,
      arrival: "arrival",
      systemAction: "action",
      timeliness: true,
    };
    const outcome = await rig.derive("arrival.csv", "arrival.ndjson", { detector, columns });
    expect(outcome.engine.rowsFuture).toBe(Math.ceil(900 / 7));
    expect(featuresOf("arrival.ndjson")).toEqual(
      await online(timed, { shards: 2, split: 1, spec }, arrivals),
    );
    const [first, second] = rowsOf("arrival.ndjson");
    expect(first).toMatchObject({
      timeliness: "future",
      created: new Date(arrivals[0] ?? 0).toISOString(),
    });
    expect(second).toMatchObject({ timeliness: "on_time" });
  });

  test("do not depend on the file's format", async () => {
    writeFileSync(rig.path("same.csv"), toCsv(events));
    writeFileSync(rig.path("same.ndjson"), toNdjson(events));
    const columns = { ...cardColumns, keep: [{ name: "country", type: undefined }] };
    await rig.derive("same.csv", "from-csv.ndjson", { columns });
    await rig.derive("same.ndjson", "from-ndjson.ndjson", { columns });
    // The output of one run, with all that was kept, is the input of another.
    const everything = ["amount", "tip", "country"].map((name) => ({ name, type: undefined }));
    await rig.derive("same.csv", "copy.parquet", { columns: { ...cardColumns, keep: everything } });
    await rig.derive("copy.parquet", "from-parquet.ndjson", {
      columns: { ...columns, time: "event_timestamp" },
    });
    expect(rig.read("from-ndjson.ndjson").equals(rig.read("from-csv.ndjson"))).toBe(true);
    expect(rig.read("from-parquet.ndjson").equals(rig.read("from-csv.ndjson"))).toBe(true);
    expect(rowsOf("from-csv.ndjson").map(({ country }) => country)).toEqual(
      events.map(({ country }) => country),
    );
  });

  test("tell what took its default", async () => {
    const columns = { ...cardColumns, defaulted: true };
    const row = { card: "a", time: 1_690_000_000_000, amount: 3, tip: null, country: "DE" };
    writeFileSync(rig.path("one.ndjson"), toNdjson([row]));
    await rig.derive("one.ndjson", "one.csv", { columns });
    const [head, line] = rig.read("one.csv").toString().split("\n");
    expect(head).toBe(`card,event_timestamp,created,${featureNames.join(",")},defaulted`);
    const time = "2023-07-22T04:26:40.000Z";
    expect(line).toBe(`a,${time},${time},1,3,3,0,0,1,-1,0.5,1,tip;std_5;z_1d;since`);
  });
});

describe("a run that is interrupted", () => {
  // Several blocks of 8,192 rows, each of which begins with a late one.
  const events = cardEvents(30_000, 3).map((each, row) =>
    row % 8192 === 0 ? { ...each, time: each.time - 120_000 } : each,
  );
  writeFileSync(rig.path("long.csv"), toCsv(events));
  writeFileSync(rig.path("long.ndjson"), toNdjson(events));
  const columns = { ...cardColumns, keep: [{ name: "country", type: undefined }], defaulted: true };

  test.each([
    ["long.csv", "csv"],
    ["long.csv", "parquet"],
    ["long.ndjson", "ndjson"],
  ])("goes on, and %s becomes the same %s", async (input, format) => {
    await rig.derive(input, `whole.${format}`, { columns });
    const output = `stopped.${format}`;
    for (const stopAfter of [1, 2]) {
      const stop = new AbortController();
      let blocks = 0;
      const outcome = await rig.derive(input, output, {
        columns,
        resume: stopAfter > 1,
        signal: stop.signal,
        progress: () => {
          if (++blocks === stopAfter) stop.abort();
        },
      });
      expect(outcome.finished).toBe(false);
      expect(existsSync(rig.path(output))).toBe(false);
    }
    const last = await rig.derive(input, output, { columns, resume: true });
    expect(last).toMatchObject({ finished: true, rows: 30_000 });
    expect(last.resumedAt).toBeGreaterThan(10_000);
    expect(rig.read(output).equals(rig.read(`whole.${format}`))).toBe(true);
    expect(readdirSync(rig.directory).filter((name) => name.startsWith(output))).toEqual([output]);
  });

  test("goes on where a crash left it, whatever was written after the last checkpoint", async () => {
    await rig.derive("long.csv", "whole.parquet", { columns });
    let blocks = 0;
    await rig.derive("long.csv", "crashed.parquet", {
      columns,
      checkpointMs: 0,
      progress: () => {
        if (++blocks !== 3) return;
        for (const end of ["partial", "checkpoint"]) {
          copyFileSync(rig.path(`crashed.parquet.${end}`), rig.path(`copied.parquet.${end}`));
        }
      },
    });
    const partial = rig.read("copied.parquet.partial");
    writeFileSync(rig.path("copied.parquet.partial"), Buffer.concat([partial, Buffer.alloc(5e6)]));
    const outcome = await rig.derive("long.csv", "copied.parquet", { columns, resume: true });
    expect(outcome.resumedAt).toBeGreaterThan(0);
    expect(rig.read("copied.parquet").equals(rig.read("whole.parquet"))).toBe(true);
  });

  async function interrupt(output: string): Promise<void> {
    const stop = new AbortController();
    const progress = (): void => stop.abort();
    await rig.derive("long.csv", output, { columns, signal: stop.signal, progress });
  }

  test("does not go on with what is damaged or of another run", async () => {
    await interrupt("damaged.csv");
    const checkpoint = rig.read("damaged.csv.checkpoint");
    const resume = { columns, resume: true };
    await expect(
      rig.derive("long.csv", "damaged.csv", { resume: true, columns: cardColumns }),
    ).rejects.toThrow("damaged.csv.checkpoint is of another run: an option has changed since");
    await expect(rig.derive("long.ndjson", "damaged.csv", resume)).rejects.toThrow(
      "the input and an option have changed since",
    );
    for (const at of [5, 30, checkpoint.length - 100_000]) {
      const damaged = Buffer.from(checkpoint);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      writeFileSync(rig.path("damaged.csv.checkpoint"), damaged);
      await expect(rig.derive("long.csv", "damaged.csv", resume)).rejects.toThrow("is damaged");
    }
    writeFileSync(rig.path("damaged.csv.checkpoint"), checkpoint);
    const partial = rig.read("damaged.csv.partial");
    partial[1000] = (partial[1000] ?? 0) ^ 1;
    writeFileSync(rig.path("damaged.csv.partial"), partial);
    await expect(rig.derive("long.csv", "damaged.csv", resume)).rejects.toThrow(
      "is not as the interrupted run left it",
    );
    expect(existsSync(rig.path("damaged.csv"))).toBe(false);
  });

  test("starts over when it is not told to go on", async () => {
    await interrupt("over.csv");
    await rig.derive("long.csv", "whole.csv", { columns });
    const outcome = await rig.derive("long.csv", "over.csv", { columns });
    expect(outcome.resumedAt).toBe(0);
    expect(rig.read("over.csv").equals(rig.read("whole.csv"))).toBe(true);
  });
});

describe("a row that cannot be taken", () => {
  const good = { card: "a", time: 1_690_000_000_000, amount: 1, tip: 1, country: "DE" };
  const bad: readonly (readonly [string, object, string])[] = [
    ["a number", { amount: "1,5" }, 'line 3: column amount: "1,5" is no number'],
    ["a magnitude", { amount: 1e101 }, "line 3: column amount: 1e+101 is infinite or"],
    ["a time", { time: "yesterday" }, 'line 3: column time: "yesterday" is no time'],
    ["a key", { card: "k".repeat(300) }, "line 3: the key: is longer than 256 bytes"],
    ["a category", { country: "c".repeat(300) }, "line 3: column country: is longer than 256"],
  ];

  test.each(bad)("for %s ends the run, or is left out", async (_, wrong, message) => {
    const rows = [good, { ...good, ...wrong }, { ...good, amount: 2 }];
    for (const [name, text] of [
      ["bad.csv", toCsv(rows)],
      ["bad.ndjson", `\n${toNdjson(rows)}`.replace("\n", "")],
    ] as const) {
      writeFileSync(rig.path(name), text);
      const expected = name === "bad.csv" ? message : message.replace("line 3", "line 2");
      await expect(rig.derive(name, "bad-out.csv")).rejects.toThrow(expected);
      expect(readdirSync(rig.directory).filter((each) => each.startsWith("bad-out"))).toEqual([]);
      const told: string[] = [];
      const outcome = await rig.derive(name, "bad-out.csv", {
        onError: "skip",
        skipped: (why) => told.push(why),
      });
      expect(outcome).toMatchObject({ rows: 2, skipped: 1 });
      expect(told).toEqual([expect.stringContaining(expected)]);
      // The row after it is the second event.
      expect(rig.read("bad-out.csv").toString().split("\n")[2]).toContain(",2,3,");
      rig.removeFile("bad-out.csv");
    }
  });

  test("is told where it is a column that may be missing, and nothing to resume", async () => {
    const spec = {
      ...cardSpec,
      inputs: [{ name: "amount", default_value: 0 }, ...cardSpec.inputs.slice(1)],
    };
    const detector = makeDetector("cards", 0, normalizeSpec(spec));
    const rows = [good, good].map(({ amount, ...others }) => ({ ...others, Amount: amount }));
    writeFileSync(rig.path("absent.csv"), toCsv(rows));
    const told: string[] = [];
    const notice = (what: string): number => told.push(what);
    await rig.derive("absent.csv", "absent-out.csv", { detector, notice, resume: true });
    expect(told).toEqual([
      expect.stringMatching(/has no column "amount": missing in every row; it has .*Amount/),
      "there is nothing to resume: it starts at the first row",
    ]);
  });

  test("is a missing value that the detector requires, and arrival before the row above", async () => {
    const spec = { ...cardSpec, inputs: [{ name: "amount" }, ...cardSpec.inputs.slice(1)] };
    const detector = makeDetector("cards", 0, normalizeSpec(spec));
    writeFileSync(rig.path("gap.ndjson"), toNdjson([good, { ...good, amount: null }]));
    await expect(rig.derive("gap.ndjson", "gap.csv", { detector })).rejects.toThrow(
      "line 2: column amount: is missing, and the detector requires it",
    );
    const columns = { ...cardColumns, arrival: "time" };
    writeFileSync(rig.path("back.ndjson"), toNdjson([good, { ...good, time: good.time - 1 }]));
    await expect(rig.derive("back.ndjson", "back.csv", { columns })).rejects.toThrow(
      "line 2: arrived at 2023-07-22T04:26:39.999Z, before the row above it",
    );
  });

  test("has a new key where the detector refuses more", async () => {
    const spec = { ...cardSpec, keysMax: 1, atKeysMax: "refuse" };
    const detector = makeDetector("cards", 0, normalizeSpec(spec));
    const rows = Array.from({ length: 600 }, (_, i) => ({ ...good, card: `card ${i}` }));
    writeFileSync(rig.path("full.csv"), toCsv(rows));
    await expect(rig.derive("full.csv", "full.ndjson", { detector })).rejects.toThrow(
      /line \d+: the key "card \d+" does not fit: the detector keeps keys_max = 1/,
    );
    const outcome = await rig.derive("full.csv", "full.ndjson", { detector, onError: "skip" });
    expect(outcome.rows + outcome.skipped).toBe(600);
    expect(outcome.engine.keys).toBe(outcome.rows);
    expect(featuresOf("full.ndjson").every(([count]) => count === 1)).toBe(true);
  });
});
