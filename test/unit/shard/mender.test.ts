import { expect, test } from "vitest";
import { noJournal } from "../../../src/shard/journal.ts";
import { ARENA_BASE } from "../../../src/shard/layout.ts";
import { Mender } from "../../../src/shard/mender.ts";
import { createMemory } from "../../../src/shard/module.ts";
import { Rebuilds } from "../../../src/shard/rebuilds.ts";
import type { Job, JobResult } from "../../../src/shard/protocol.ts";
import { Shard, viewsOf } from "../../../src/shard/shard.ts";

test("a batch that no journal has, and that did not end, makes no key start cold where there is one", async () => {
  const memory = createMemory(ARENA_BASE);
  const shard = new Shard(0, memory, viewsOf(memory));
  shard.position = 5;
  const jobs: Job[] = [];
  const rebuilt: number[] = [];
  const result: JobResult = { value: 0, trap: undefined, startedAt: 0, endedAt: 0 };
  const mender = new Mender({
    pool: {
      threads: 1,
      tasks: 0,
      run: (given) => {
        jobs.push(...given);
        return Promise.resolve([result]);
      },
      killThread: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    journal: {
      ...noJournal,
      failed: true,
      durable: 7,
      whenDurable: (position, done) => done(position <= 7),
    },
    rebuilds: new Rebuilds({
      journal: noJournal,
      rebuild: (_, until) => {
        rebuilt.push(until);
        return Promise.resolve();
      },
      renew: () => undefined,
      log: { warn: () => undefined, error: () => undefined },
      isClosed: () => false,
    }),
    telemetry: { keysInDoubt: () => undefined },
    log: { warn: () => undefined, error: () => undefined },
    creations: new Map(),
  });
  const { region } = shard.cut();
  const mended = await mender.mend(shard, { region, segments: [], rows: 0, position: 0 }, "died");
  expect(mended).toBeUndefined();
  expect(jobs).toEqual([]);
  expect(rebuilt).toEqual([7]);
});
