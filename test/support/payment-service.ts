import { Metadata } from "@grpc/grpc-js";
import type { DetectorSpec } from "../../src/transport/grpc/generated/weir/v1/DetectorSpec.ts";
import type { Feature } from "../../src/transport/grpc/generated/weir/v1/Feature.ts";
import type { ScoreResponse__Output } from "../../src/transport/grpc/generated/weir/v1/ScoreResponse.ts";
import { connect, unary, valueOf, type Clients, type Outcome } from "./grpc.ts";
import { startTestService, type TestService } from "./service.ts";

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
/** Some hours back, so that no event is from the future. */
export const start = Math.floor(Date.now() / hour) * hour - 12 * hour;

/** A hidden feature between two that the model sees: the kernel has them in another order. */
export const features: Feature[] = [
  { name: "n_1m", aggregate: "AGGREGATE_COUNT", window: { sliding: "1m" } },
  {
    name: "countries_1h",
    of: "country",
    aggregate: "AGGREGATE_DISTINCT",
    window: { sliding: "1h" },
    hidden: true,
  },
  { name: "sum_1h", of: "amount", aggregate: "AGGREGATE_SUM", window: { sliding: "1h" } },
  {
    name: "mean_1h",
    of: "amount",
    aggregate: "AGGREGATE_MEAN",
    window: { sliding: "1h" },
    defaultValue: 0,
  },
  { name: "times_mean", ratio: { of: "amount", to: "mean_1h" }, defaultValue: 1 },
  {
    name: "z_1d",
    of: "amount",
    aggregate: "AGGREGATE_ZSCORE",
    window: { sliding: "1d" },
    defaultValue: 0,
  },
];

export const spec: DetectorSpec = {
  inputs: [
    { name: "amount" },
    { name: "country", type: "INPUT_TYPE_CATEGORY", missing: "MISSING_MODEL" },
  ],
  halfSpaceTrees: { window: 4, trees: 5, height: 4 },
  burnInEvents: 1,
  timeoutMs: 10_000,
  features,
};

/** A whole service with a client, for detectors of payments. */
export class PaymentService {
  readonly clients: Clients;
  readonly #test: TestService;

  private constructor(test: TestService) {
    this.#test = test;
    this.clients = connect(test.service.grpcPort);
  }

  static async start(): Promise<PaymentService> {
    return new PaymentService(await startTestService());
  }

  get url(): string {
    return this.#test.url;
  }

  async stop(): Promise<void> {
    this.clients.close();
    await this.#test.stop();
  }

  /** A detector of `spec` with what is given instead. */
  async create(name: string, given: DetectorSpec = {}): Promise<void> {
    const request = { name, spec: { ...spec, ...given } };
    valueOf(
      await unary<object>((callback) => this.clients.detectors.CreateDetector(request, callback)),
    );
  }

  score(request: object): Promise<Outcome<ScoreResponse__Output>> {
    return unary<ScoreResponse__Output>((callback) =>
      this.clients.scoring.Score(request, new Metadata(), {}, callback),
    );
  }
}

/** As a packed column. */
export function bytesOf(array: Float64Array | BigInt64Array | Uint32Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}
