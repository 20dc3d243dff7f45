import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/domain/clock.ts";
import type { ScoreRequest } from "../../src/domain/event.ts";
import type { Explanation, Verdicts } from "../../src/domain/verdict.ts";
import { featuresOf } from "../../src/domain/verdict.ts";
import { compileModule } from "../../src/shard/module.ts";
import { openState } from "../../src/state/open-state.ts";
import type { OpenState } from "../../src/state/open-state.ts";
import { builds } from "../kernel.ts";
import { request, startCore, submit } from "./core.ts";
import type { TestCore } from "./core.ts";
import { SlowPool } from "./slow-pool.ts";

export const keptModulePath: string = builds[0]?.[1] ?? "";
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const memoryBytes = 64 << 20;

/** A row as a client sent it and what it got. */
export interface SentRow {
  readonly detector: string;
  readonly key: string;
  readonly id: string;
  readonly score: number;
  readonly rawScore: number;
  readonly threshold: number;
  readonly anomaly: number;
  readonly source: number;
  readonly state: number;
  readonly modelVersion: number;
  readonly rule: number;
  readonly replayed: number;
  readonly systemAction: number;
  readonly explanation: Explanation | undefined;
  readonly features: readonly number[] | undefined;
}

/** A core that keeps its state in a directory of its own, with what its clients got. */
export class KeptCore {
  readonly data: string;
  readonly core: TestCore;
  readonly pool: SlowPool;
  readonly sent: SentRow[] = [];
  private readonly state: OpenState;

  // oxlint-disable-next-line max-params -- its parts
  private constructor(data: string, state: OpenState, core: TestCore, pool: SlowPool) {
    this.data = data;
    this.state = state;
    this.core = core;
    this.pool = pool;
  }

  static async start(data = mkdtempSync(join(tmpdir(), "weir-kept-"))): Promise<KeptCore> {
    const module = await compileModule(keptModulePath);
    const state = await openState({
      data,
      module,
      durability: "relaxed",
      shards: 2,
      shardsGiven: true,
      memoryBytes,
      clock: systemClock,
      log,
    });
    const pools: SlowPool[] = [];
    const core = await startCore({
      modulePath: keptModulePath,
      shardMemoryBytes: memoryBytes,
      trainerMemoryBytes: 128 << 20,
      inlineWorkMax: 0,
      state,
      acknowledges: false,
      createPool: (options) => {
        const made = new SlowPool(options);
        pools.push(made);
        return made;
      },
    });
    const [pool] = pools;
    if (pool === undefined) throw new Error("no pool was made");
    await Promise.all(
      core.shards.shards.map(({ index }) =>
        core.shards.changes.change(index, { kind: "resize", memoryBytes }),
      ),
    );
    return new KeptCore(data, state, core, pool);
  }

  /** Submits, waits, and notes what came of every row. */
  async send(given: Partial<ScoreRequest> & { readonly detector: string }): Promise<Verdicts> {
    const verdicts = await submit(this.core, request(given));
    const features = this.core.detectors.get(given.detector).config.features.length;
    for (const [row, { id, key }] of (given.events ?? []).entries()) {
      const derived = featuresOf(verdicts, features, row);
      this.sent.push({
        detector: given.detector,
        key,
        id,
        score: at(verdicts.scores, row),
        rawScore: at(verdicts.rawScores, row),
        threshold: at(verdicts.thresholds, row),
        anomaly: at(verdicts.anomalies, row),
        source: at(verdicts.sources, row),
        state: at(verdicts.states, row),
        modelVersion: at(verdicts.modelVersions, row),
        rule: at(verdicts.rules, row),
        replayed: at(verdicts.replayed, row),
        systemAction: at(verdicts.systemActions, row),
        explanation: verdicts.explanations?.[row],
        features: derived === undefined ? undefined : [...derived],
      });
    }
    return verdicts;
  }

  /** Everything is stepped and on disk. The directory stays. */
  async close(): Promise<void> {
    await this.core.shards.idle();
    await this.core.close();
    await this.state.journal.close();
  }

  remove(): void {
    rmSync(this.data, { recursive: true, force: true });
  }
}

function at(values: ArrayLike<number>, row: number): number {
  return values[row] ?? Number.NaN;
}
