import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type {
  Aggregate,
  Feature,
  FeatureFilter,
  FeatureWindow,
} from "../../src/domain/detector.ts";
import { compileModule } from "../../src/shard/module.ts";
import { readBytes, readF64 } from "../golden/golden-files.ts";
import { builds } from "../kernel.ts";
import { FeatureShard } from "../support/features-rig.ts";
import type { FeatureRow } from "../support/features-rig.ts";
import { programOf } from "./features-streams.ts";

/*
 * The same features as a training set would be joined in SQL: for every event a correlated subquery over those of its key that are not
 * after it. SQLite sums in float64, with Kahan's and Babuska's correction since 3.43.
 */

const fixtures = fileURLToPath(new URL("../fixtures/golden", import.meta.url));
const real = process.env["WEIR_REAL_GOLDEN"];
const minute = 60_000;

interface Table {
  readonly name: string;
  readonly rows: () => FeatureRow[];
}

/** An event every five minutes with now and then a gap or a tie, one column as the value, its tenths as the category. */
function tableOf(
  root: string,
  file: string,
  { columns, count, keys }: { columns: number; count: number; keys?: string },
): Table {
  const rows = (): FeatureRow[] => {
    const x = readF64(root, `data/${file}.X.f64`);
    const key = keys === undefined ? undefined : readBytes(root, keys);
    let timeMs = 1_385_989_200_000;
    return Array.from({ length: Math.min(count, x.length / columns) }, (_, i) => {
      timeMs += i % 11 === 0 ? 0 : i % 97 === 0 ? 200 * minute : 5 * minute;
      const value = x[i * columns]!;
      const values = new Map<string, number | string>([["c", `${Math.floor(value * 10) % 7}`]]);
      if (i % 13 !== 5) values.set("x", value);
      return { key: `key ${key?.[i] ?? 0}`, timeMs, arrivalMs: timeMs, values };
    });
  };
  return { name: file, rows };
}

const portable: readonly Table[] = [
  tableOf(fixtures, "keyed_20", { columns: 2, count: 3000, keys: "data/keyed_20.key.u8" }),
  tableOf(fixtures, "shuttle_5000", { columns: 9, count: 1000 }),
];
const nab = ["machine_temperature_system_failure", "ec2_cpu_utilization_24ae8d"].map((file) =>
  tableOf(real ?? "", file, { columns: 1, count: 1000 }),
);

interface Wanted {
  readonly feature: Feature;
  /** Of event e: what is selected of its window's events w. */
  readonly sql: string;
}

const hour = 60 * minute;
const sliding = (sizeMs: number): FeatureWindow => ({ kind: "sliding", sizeMs });

/** Events of the window, the event itself counted. Equal times count in the order of arrival. */
function within(sizeMs: number, { where = "1", current = true } = {}): string {
  return `from events w where w.key = e.key and w.time > e.time - ${sizeMs}
    and (w.time < e.time or (w.time = e.time and w.id ${current ? "<=" : "<"} e.id)) and ${where}`;
}

const order = "order by w.time, w.id";
const newest = "order by w.time desc, w.id desc";

/** The sample variance of x, by its mean first. */
function varianceOf(from: string): string {
  return `select case when count(w.x) > 1 then sum((w.x - m.mean) * (w.x - m.mean)) / (count(w.x) - 1) end
    ${from.replace("from events w where", `from events w, (select avg(w.x) as mean ${from}) m where`)}`;
}

function wanted(
  aggregate: Aggregate,
  sql: string,
  {
    sizeMs = hour,
    of = "x",
    ...given
  }: { sizeMs?: number; of?: string; where?: FeatureFilter; excludeCurrent?: boolean } = {},
): Wanted {
  return {
    sql,
    feature: {
      name: `${aggregate} ${sql}`,
      seen: true,
      defaultValue: ["count", "sum", "distinct", "rate"].includes(aggregate) ? Number.NaN : -9,
      what: {
        kind: "aggregate",
        aggregate,
        of,
        window: sliding(sizeMs),
        where: given.where,
        excludeCurrent: given.excludeCurrent ?? false,
        quantile: 0.5,
        category: "",
        n: 1,
        unitMs: minute,
      },
    },
  };
}

const half = 12 * hour;
const high: FeatureFilter = { input: "c", op: "equals", value: "3" };
const onlyHigh = { where: "w.c = '3'" };
const having = { where: "w.x is not null" };

const features: readonly Wanted[] = [
  wanted("count", `select count(*) ${within(hour)}`, { of: "" }),
  wanted("sum", `select total(w.x) ${within(hour)}`),
  wanted("mean", `select avg(w.x) ${within(half)}`, { sizeMs: half }),
  wanted("mean", `select avg(w.x) ${within(half, { current: false })}`, {
    sizeMs: half,
    excludeCurrent: true,
  }),
  wanted("variance", varianceOf(within(half)), { sizeMs: half }),
  wanted("std", `select sqrt((${varianceOf(within(half))}))`, { sizeMs: half }),
  wanted("min", `select min(w.x) ${within(half)}`, { sizeMs: half }),
  wanted("max", `select max(w.x) ${within(half)}`, { sizeMs: half }),
  wanted("range", `select max(w.x) - min(w.x) ${within(hour)}`),
  wanted("first", `select w.x ${within(hour, having)} ${order} limit 1`),
  wanted("last", `select w.x ${within(hour, having)} ${newest} limit 1`),
  wanted("distinct", `select count(distinct w.c) ${within(hour)}`, { of: "c" }),
  wanted("rate", `select count(*) / 60.0 ${within(hour)}`, { of: "" }),
  wanted(
    "time_since",
    `select (e.time - max(w.time)) / 60000.0 ${within(half, { current: false })}`,
    {
      sizeMs: half,
      of: "",
    },
  ),
  wanted("share", `select avg(w.c = e.c) ${within(half)}`, { sizeMs: half, of: "c" }),
  wanted("count", `select count(*) ${within(half, onlyHigh)}`, {
    sizeMs: half,
    of: "",
    where: high,
  }),
  wanted("mean", `select avg(w.x) ${within(half, onlyHigh)}`, { sizeMs: half, where: high }),
  wanted(
    "zscore",
    `select case when s.sd > 0 then (e.x - s.mean) / s.sd end from (select
      (select avg(w.x) ${within(half, { current: false })}) as mean,
      sqrt((${varianceOf(within(half, { current: false }))})) as sd) s`,
    { sizeMs: half },
  ),
];

function answersOf(rows: readonly FeatureRow[]): Record<string, unknown>[] {
  const database = new DatabaseSync(":memory:");
  try {
    database.exec(
      "create table events (id integer primary key, key text, time real, x real, c text)",
    );
    const insert = database.prepare("insert into events values (?, ?, ?, ?, ?)");
    for (const [id, { key, timeMs, values }] of rows.entries()) {
      insert.run(id, key, timeMs, values.get("x") ?? null, values.get("c") ?? null);
    }
    database.exec("create index by_key on events (key, time, id, x, c)");
    const columns = features.map(({ sql }, i) => `(${sql}) as f${i}`);
    return database.prepare(`select ${columns.join(", ")} from events e order by id`).all();
  } finally {
    database.close();
  }
}

async function expectSameAsSql(rows: readonly FeatureRow[]): Promise<void> {
  const shard = FeatureShard.make(
    await compileModule(builds[0]?.[1]),
    programOf({
      features: features.map(({ feature }, i) => ({ ...feature, name: `f${i}` })),
      eventTime: {
        latenessMs: 0,
        late: "score_only",
        futureToleranceMs: 0,
        future: "refuse",
        exactEvents: 1024,
      },
    }),
  );
  const answers = answersOf(rows);
  const outputs = shard.step(rows);
  const wrong: string[] = [];
  for (const [i, answer] of answers.entries()) {
    for (const [f, { feature }] of features.entries()) {
      const expected = answer[`f${f}`] ?? feature.defaultValue;
      const actual = outputs[i]!.values[f]!;
      if (typeof expected !== "number") throw new Error(`${feature.name} is no number`);
      if (Math.abs(actual - expected) <= 1e-9 * Math.max(Math.abs(expected), 1)) continue;
      wrong.push(`row ${i}: ${feature.name}: ${actual}, not ${expected}`);
    }
  }
  expect(wrong).toEqual([]);
}

describe("features as of every event, by SQL", () => {
  it.each(portable)("of $name", ({ rows }) => expectSameAsSql(rows()));

  it.skipIf(real === undefined || !existsSync(join(real, "data"))).each(nab)(
    "of NAB's $name (WEIR_REAL_GOLDEN)",
    ({ rows }) => expectSameAsSql(rows()),
  );
});
