import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/domain/clock.ts";
import type { Change, Position, ShardJournal } from "../../../src/shard/journal.ts";
import type { StepPool } from "../../../src/shard/pool.ts";
import { ShardSet } from "../../../src/shard/shard-set.ts";
import { noTelemetry } from "../../../src/telemetry/no-telemetry.ts";
import { builds } from "../../kernel.ts";

/** What is appended is durable when the test says so. */
class HeldJournal implements ShardJournal {
  failed = false;
  readonly hasRoom = true;
  onRoom: (() => void) | undefined;
  newest: Position = 0;
  durable: Position = 0;
  /** Entry by entry: the position that a VOID leaves out, or the kind of a change. */
  readonly entries: (string | number)[] = [];
  private waiting: { readonly position: Position; readonly done: (durable: boolean) => void }[] =
    [];

  appendRows(): Position {
    return 0;
  }

  appendPacked(): Position {
    return 0;
  }

  appendVerdicts(): void {}

  appendAnswers(): void {}

  appendChange(_shard: number, { kind }: Change): Position {
    return this.append(kind);
  }

  appendVoid(_shard: number, of: Position): Position {
    return this.append(of);
  }

  together(append: () => void): void {
    append();
  }

  whenDurable(position: Position, done: (durable: boolean) => void): void {
    if (position <= this.durable) done(position > 0);
    else this.waiting.push({ position, done });
  }

  sync(): void {
    this.durable = this.newest;
    for (const { done } of this.waiting.splice(0)) done(true);
  }

  fail(): void {
    this.failed = true;
    this.newest = this.durable;
    this.entries.length = this.durable;
    for (const { done } of this.waiting.splice(0)) done(false);
  }

  private append(what: string | number): Position {
    if (this.failed) return 0;
    this.entries.push(what);
    return ++this.newest;
  }
}

/** Every thread dies of what it is given. */
class DyingPool implements StepPool {
  readonly threads = 1;
  readonly tasks = 0;
  jobs = 0;

  run(): Promise<never> {
    this.jobs++;
    return Promise.reject(new Error("the thread died"));
  }

  killThread(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface Rig {
  readonly set: ShardSet;
  readonly journal: HeldJournal;
  readonly pool: DyingPool;
  readonly errors: string[];
}

async function start(rebuild: (until: Position) => Promise<void>): Promise<Rig> {
  const journal = new HeldJournal();
  const pool = new DyingPool();
  const errors: string[] = [];
  const set = await ShardSet.start({
    modulePath: builds[0]?.[1] ?? "",
    shards: 1,
    threads: 1,
    shardMemoryBytes: 64 << 20,
    inlineWorkMax: 1000,
    clock: systemClock,
    telemetry: noTelemetry,
    log: { warn: () => undefined, error: (_fields, message) => void errors.push(message) },
    journal,
    rebuild: (_shard, until) => rebuild(until),
    createPool: () => pool,
  });
  onTestFinished(() => set.close());
  return { set, journal, pool, errors };
}

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

async function turns(): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  for (let i = 0; i < 50; i++) await turn();
}

test("nothing is stepped or changed in a shard that could not be rebuilt", async () => {
  const { set, journal, pool, errors } = await start(() => Promise.reject(new Error("no memory")));
  const changed = set.changes.change(0, { kind: "reset", slot: 1 });
  const settled = changed.catch((error: unknown) => String(error));
  await turns();
  journal.sync();
  expect(await settled).toContain("no memory");
  const { jobs } = pool;
  let later = "waits";
  void set.changes.change(0, { kind: "reset", slot: 2 }).then(
    () => (later = "made"),
    () => (later = "refused"),
  );
  set.aside(0, {
    packed: new Uint8Array(64),
    rows: 1,
    work: 1,
    isOwed: false,
    queue: {},
    done: () => (later = "stepped"),
    lost: () => (later = "lost"),
  });
  await turns();
  expect({ later, jobs: pool.jobs }).toEqual({ later: "waits", jobs });
  expect(journal.entries).toEqual(["reset"]);
  expect(set.shards[0]?.busy).toBe(true);
  expect(set.settled).toBe(0);
  expect(errors).toEqual(["a shard could not be brought back: restart the server"]);
});

test("a change that was left out as the journal failed is left out when it can be written again", async () => {
  const rebuilt: Position[] = [];
  const { set, journal } = await start((until) => {
    rebuilt.push(until);
    return Promise.resolve();
  });
  const refused = expect(set.changes.change(0, { kind: "reset", slot: 1 })).rejects.toThrow(
    "reset",
  );
  await turns();
  journal.sync();
  await turns();
  expect(journal.entries).toEqual(["reset", 1]);
  rebuilt.length = 0;
  journal.fail();
  await refused;
  await set.goBack(journal.durable);
  expect(rebuilt).toEqual([0]);
  expect(set.settled).toBe(0);
  journal.failed = false;
  set.goOn();
  expect(journal.entries).toEqual(["reset", 1]);
  journal.fail();
  await set.goBack(journal.durable);
  expect(rebuilt).toEqual([0, 0]);
  journal.failed = false;
  set.goOn();
  expect(set.settled).toBe(0);
  journal.sync();
  expect(set.settled).toBe(2);
  expect(journal.entries).toEqual(["reset", 1]);
  set.goOn();
  expect(journal.entries).toEqual(["reset", 1]);
});
