import { DetectorRuntime } from "../../src/admission/runtime.ts";
import { makeDetector } from "../../src/config/detector.ts";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import type { Detector } from "../../src/domain/detector.ts";
import type { WeirError } from "../../src/domain/errors.ts";
import type { FeatureRequest, FeatureValues } from "../../src/serving/features.ts";
import { ShardFeatures } from "../../src/serving/shard-features.ts";
import { Status } from "../../src/shard/layout.ts";
import { FakeShards, type Outcome, type SteppedRow } from "./fake-shards.ts";
import { ManualClock } from "./manual-clock.ts";

const windows = { sliding: "1h" };
/** Of the detector `cards`. */
export const readSpec = {
  inputs: [{ name: "amount" }, { name: "shop", type: "category", rulesOnly: true }],
  features: [
    { name: "count_1h", aggregate: "count", window: windows },
    { name: "mean_1h", of: "amount", aggregate: "mean", window: windows, defaultValue: -1 },
    { name: "shops_1h", of: "shop", aggregate: "distinct", window: windows, hidden: true },
    { name: "sum_1h", of: "amount", aggregate: "sum", window: windows },
  ],
};
/** Positions in the kernel: those that the model sees first. */
export const kernelOrder = ["count_1h", "mean_1h", "sum_1h", "shops_1h"];
/** shop, amount. */
const sources = 2;

/** Feature at position p of a key of n bytes is n + p / 8; odd positions of keys of odd length took their default. */
export function outcomeOf({ key }: SteppedRow): Outcome {
  const n = Buffer.byteLength(key);
  const none = Array.from({ length: sources }, () => undefined);
  return {
    values: [...none, n, n + 1 / 8, n + 2 / 8, n + 3 / 8],
    bits: [n & 1 ? 0b1010 : 0, 0],
    state: n & 7,
    status: Status.OK,
  };
}

/** What became of a request. */
export class Answered {
  values: FeatureValues | undefined = undefined;
  error: WeirError | undefined = undefined;
  replies = 0;
  cancel: () => void = () => undefined;
}

/** Different keys of `bytes` bytes. */
export function keysOf(count: number, bytes = 12): string[] {
  return Array.from({ length: count }, (_, i) => String(i).padStart(bytes, "k"));
}

/** The reader over shards without a kernel, with the detectors `cards` and `plain`, which has no features. */
export class ReadRig {
  readonly shards: FakeShards;
  readonly clock = new ManualClock();
  readonly detectors: Map<string, Detector>;
  /** Telemetry was told. */
  readonly read: [keys: number, latencyUs: number][] = [];
  inFlight = 0;
  /** What admission refuses everything with. */
  refusal: WeirError | undefined = undefined;
  readonly #reader: ShardFeatures;

  constructor(shards: number) {
    this.shards = new FakeShards(shards);
    this.detectors = new Map([
      ["cards", makeDetector("cards", 5, normalizeSpec(readSpec))],
      ["plain", makeDetector("plain", 6, normalizeSpec({ inputs: [{ name: "amount" }] }))],
    ]);
    const runtimes = new Map<Detector, DetectorRuntime>();
    const meter = {
      answered: () => undefined,
      eventAge: () => undefined,
      anomalies: () => undefined,
      trainingStarted: () => undefined,
      trainingEnded: () => undefined,
      featuresRead: (keys: number, latencyUs: number) => this.read.push([keys, latencyUs]),
    };
    this.#reader = new ShardFeatures({
      shards: this.shards,
      find: (name) => this.detectors.get(name),
      admission: {
        enter: () => {
          if (this.refusal !== undefined) throw this.refusal;
          this.inFlight++;
        },
        leave: () => this.inFlight--,
        runtimeOf(detector) {
          const runtime = runtimes.get(detector) ?? new DetectorRuntime(detector, meter);
          runtimes.set(detector, runtime);
          return runtime;
        },
      },
      telemetry: { startRequest: () => undefined },
      clock: this.clock,
      failed: (error) => {
        throw error;
      },
    });
  }

  ask(request: Partial<FeatureRequest>, deadline = Infinity): Answered {
    const answered = new Answered();
    const ticket = this.#reader.read(
      { detector: "cards", keys: [], timeUnixMs: 0, features: [], ...request },
      { receivedAt: this.clock.now(), deadline, transport: "grpc_unary", traceparent: undefined },
      {
        answer(values) {
          answered.values = values;
          answered.replies++;
        },
        fail(error) {
          answered.error = error;
          answered.replies++;
        },
      },
    );
    answered.cancel = () => ticket.cancel();
    return answered;
  }
}
