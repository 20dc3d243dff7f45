import { afterEach, expect, test } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import { compileModule, instantiate, releaseModulePath } from "../../src/shard/module.ts";
import { createDetector, frame, request, startCore } from "../support/core.ts";
import type { TestCore } from "../support/core.ts";

const STORM_MS = 3000;
const names = ["evicts", "refuses", "expires"] as const;
const base = {
  inputs: [{ name: "a" }, { name: "b", missing: "model" }],
  scaler: "standard",
  halfSpaceTrees: { window: 20 },
  idsMax: 100,
  keysMax: 2000,
  rules: [{ name: "high", when: "a > 0.9", score: 0.9 }],
};
const specs = {
  evicts: base,
  refuses: { ...base, atKeysMax: "refuse" },
  expires: { ...base, keyTtlSeconds: 1 },
};

const cores: TestCore[] = [];
afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close()));
});

const upTo = (bound: number): number => Math.floor(Math.random() * bound);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function anyRequest() {
  const rows = 1 + Math.floor(Math.random() ** 4 * 1500);
  const list = <T>(make: () => T): T[] => Array.from({ length: rows }, make);
  const packed = frame(
    list(() => [Math.random(), upTo(10) === 0 ? Number.NaN : Math.random()]),
    list(() => `k${upTo(3000)}`),
  );
  const ids = upTo(3) === 0 ? list(() => (upTo(2) === 0 ? "" : `i${upTo(300)}`)) : [];
  return request({
    detector: names[upTo(names.length)] ?? "evicts",
    frame: { ...packed, ids },
    mode: upTo(4),
    explain: upTo(10) === 0,
    timeoutMs: upTo(5) === 0 ? 1 + upTo(5) : 0,
  });
}

/** What became of a request: exactly one of them is 1, or the rules of admission are broken. */
class Outcome {
  replies = 0;
  cancels = 0;
}

function send(core: TestCore): Outcome | undefined {
  const outcome = new Outcome();
  const reply = () => {
    outcome.replies++;
  };
  const call = {
    receivedAt: performance.now(),
    deadline: Number.POSITIVE_INFINITY,
    transport: "grpc_stream",
    traceparent: undefined,
  } as const;
  try {
    const ticket = core.admission.submit(anyRequest(), call, { answer: reply, fail: reply });
    const cancel = () => {
      if (outcome.replies > 0) return;
      outcome.cancels++;
      ticket.cancel();
    };
    if (upTo(10) === 0) setTimeout(cancel, upTo(10));
    return outcome;
  } catch (error) {
    expect(error).toBeInstanceOf(WeirError);
    return undefined;
  }
}

test("in a storm of requests, cancellations, changes and dying threads each request ends once and each shard is whole", async () => {
  const core = await startCore({ shards: 3, threads: 2 });
  cores.push(core);
  for (const name of names) await createDetector(core, name, specs[name]);
  const until = Date.now() + STORM_MS;
  const outcomes: Outcome[] = [];
  const load = async (): Promise<void> => {
    for (; Date.now() < until; await sleep(upTo(4))) {
      for (let i = upTo(20); i >= 0; i--) {
        const outcome = send(core);
        if (outcome !== undefined) outcomes.push(outcome);
      }
    }
  };
  const change = async (): Promise<void> => {
    for (; Date.now() < until; await sleep(upTo(60))) {
      const name = names[upTo(names.length)] ?? "evicts";
      if (upTo(2) === 0) {
        await core.detectors.reset(name);
      } else {
        await core.detectors.remove(name);
        await createDetector(core, name, specs[name]);
      }
    }
  };
  const kill = async (): Promise<void> => {
    for (; Date.now() < until; await sleep(100 + upTo(300))) await core.shards.killThread(upTo(2));
  };
  await Promise.all([load(), change(), kill()]);
  await core.shards.idle();
  await core.admission.idle();
  expect(outcomes.length).toBeGreaterThan(100);
  expect(outcomes.filter(({ replies, cancels }) => replies + cancels !== 1)).toEqual([]);
  const module = await compileModule(process.env["WEIR_TEST_KERNEL"] ?? releaseModulePath);
  for (const { memory, busy } of core.shards.shards) {
    expect(busy).toBe(false);
    expect(instantiate(module, memory).verify()).toBe(0);
  }
}, 60_000);
