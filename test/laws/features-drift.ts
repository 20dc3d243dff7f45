import type { Aggregate, Feature, FeatureWindow } from "../../src/domain/detector.ts";
import { mulberry } from "../kernel.ts";
import { FeatureShard, plainAggregate } from "../support/features-rig.ts";
import type { FeatureRow } from "../support/features-rig.ts";
import { quotient } from "./features-exact.ts";
import { programOf } from "./features-streams.ts";

/*
 * Values far from zero and close to each other, added to sliding windows and taken out of them by the million: what rounding leaves
 * behind. Values are whole 1024ths above an offset, so that their exact sums are whole numbers, below 2^53, and squares are BigInts.
 */

const offset = 1e9;
const parts = 1024;

/** The largest relative error of each, over all rows that were looked at. */
export interface Drift {
  readonly events: number;
  readonly sum: number;
  readonly mean: number;
  readonly variance: number;
  readonly std: number;
}

const aggregates = ["sum", "mean", "variance", "std"] as const;

/** Sums of the 1024ths above the offset. */
class WholeSums {
  private count = 0;
  private sum = 0;
  private squares = 0;

  change(part: number, sign: 1 | -1): void {
    this.count += sign;
    this.sum += sign * part;
    this.squares += sign * part * part;
  }

  of(aggregate: (typeof aggregates)[number]): number {
    const n = BigInt(this.count);
    const sum = BigInt(this.sum);
    const one = BigInt(parts);
    const all = BigInt(offset) * one * n + sum;
    if (aggregate === "sum") return quotient(all, one);
    if (aggregate === "mean") return quotient(all, one * n);
    const variance = quotient(n * BigInt(this.squares) - sum * sum, n * (n - 1n) * one * one);
    return aggregate === "variance" ? variance : Math.sqrt(variance);
  }
}

function feature(aggregate: Aggregate, window: FeatureWindow, index: number): Feature {
  return {
    name: `f${index}`,
    seen: true,
    defaultValue: 0,
    what: {
      ...plainAggregate,
      aggregate,
      of: "x",
      window,
    },
  };
}

/** Streams events of one key through the kernel; every 509th row, and all of the last batch, are compared with exact arithmetic. */
export function measureDrift(module: WebAssembly.Module, events: number, sizeMs = 500): Drift {
  const window = { kind: "sliding", sizeMs } as const;
  const shard = FeatureShard.make(
    module,
    programOf({
      features: aggregates.map((aggregate, i) => feature(aggregate, window, i)),
      eventTime: {
        latenessMs: 0,
        late: "refuse",
        futureToleranceMs: 0,
        future: "refuse",
        exactEvents: 4096,
      },
    }),
  );
  const random = mulberry(7);
  const exact = new WholeSums();
  const inside: { timeMs: number; part: number }[] = [];
  let oldest = 0;
  let timeMs = 1_700_000_000_000;
  const errors = { sum: 0, mean: 0, variance: 0, std: 0 };
  for (let done = 0; done < events;) {
    const count = Math.min(8192, events - done);
    const rows: FeatureRow[] = [];
    const parted: number[] = [];
    for (let i = 0; i < count; i++) {
      timeMs += Math.floor(random() * 3);
      // A burst of far larger ones now and then: they leave the window again.
      const part = Math.floor(random() * (random() < 0.0001 ? 2 ** 22 : 4096));
      parted.push(part);
      const values = new Map([["x", offset + part / parts]]);
      rows.push({ key: "ann", timeMs, arrivalMs: timeMs, values });
    }
    const outputOf = shard.learn(rows);
    for (const [i, row] of rows.entries()) {
      inside.push({ timeMs: row.timeMs, part: parted[i]! });
      exact.change(parted[i]!, 1);
      for (; inside[oldest]!.timeMs <= row.timeMs - sizeMs; oldest++) {
        exact.change(inside[oldest]!.part, -1);
      }
      if ((done + i) % 509 !== 508 && done + count < events) continue;
      const { values } = outputOf(i);
      for (const [a, aggregate] of aggregates.entries()) {
        const wanted = exact.of(aggregate);
        const error = Math.abs(values[a]! - wanted) / Math.abs(wanted || 1);
        errors[aggregate] = Math.max(errors[aggregate], error);
      }
    }
    inside.splice(0, oldest);
    oldest = 0;
    done += count;
  }
  return { events, ...errors };
}
