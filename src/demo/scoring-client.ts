import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadContract } from "../transport/grpc/definitions.ts";
import type { ProtoGrpcType as DetectorsPackage } from "../transport/grpc/generated/detectors.ts";
import type { ProtoGrpcType as ScoringPackage } from "../transport/grpc/generated/scoring.ts";
import type { DetectorServiceClient } from "../transport/grpc/generated/weir/v1/DetectorService.ts";
import type { DetectorSpec } from "../transport/grpc/generated/weir/v1/DetectorSpec.ts";
import type { Event } from "../transport/grpc/generated/weir/v1/Event.ts";
import type { Reason__Output } from "../transport/grpc/generated/weir/v1/Reason.ts";
import type { ScoringServiceClient } from "../transport/grpc/generated/weir/v1/ScoringService.ts";
import type { ScoreStreamResponse__Output } from "../transport/grpc/generated/weir/v1/ScoreStreamResponse.ts";
import type { Verdict__Output } from "../transport/grpc/generated/weir/v1/Verdict.ts";

/** An ordinary client of Weir: nothing here that a stranger's program could not do. */
export class ScoringClient {
  readonly #scoring: ScoringServiceClient;
  readonly #detectors: DetectorServiceClient;

  /** `address` is HOST:PORT; plain text. */
  constructor(address: string) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what proto-loader's generated types are for
    const { weir } = loadPackageDefinition(loadContract()) as unknown as DetectorsPackage &
      ScoringPackage;
    this.#scoring = new weir.v1.ScoringService(address, credentials.createInsecure());
    this.#detectors = new weir.v1.DetectorService(address, credentials.createInsecure());
  }

  createDetector(name: string, spec: DetectorSpec): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#detectors.CreateDetector({ name, spec }, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /**
   * Sends all events over one stream, one a message, `inFlight` unanswered at most, and gives every verdict to `onVerdict` in the order of
   * the answers. Rejects with the stream's error; a refused event is an error here.
   */
  stream(run: StreamRun): Promise<StreamTimes> {
    return new StreamedRun(this.#scoring, run).result;
  }

  close(): void {
    this.#scoring.close();
    this.#detectors.close();
  }
}

export interface StreamRun {
  readonly detector: string;
  readonly events: number;
  readonly inFlight: number;
  event(index: number): Event;
  /** What Weir said of an event. Returning true asks for its reasons, which go to `onReasons`. */
  onVerdict(index: number, verdict: Verdict__Output): boolean;
  onReasons(index: number, reasons: readonly Reason__Output[]): void;
}

export interface StreamTimes {
  readonly elapsedMs: number;
  /** From write to verdict, ms, one an event. */
  readonly latenciesMs: Float64Array;
}

/** Request ids above it ask for reasons. */
const reasonsFrom = 0x8000_0000;

class StreamedRun {
  readonly result: Promise<StreamTimes>;
  readonly #run: StreamRun;
  readonly #call;
  readonly #sentAt: Float64Array;
  readonly #latencies: Float64Array;
  readonly #startedAt = performance.now();
  #sent = 0;
  #answered = 0;
  #explaining = 0;
  #elapsedMs = 0;

  constructor(client: ScoringServiceClient, run: StreamRun) {
    this.#run = run;
    this.#sentAt = new Float64Array(run.events);
    this.#latencies = new Float64Array(run.events);
    this.#call = client.ScoreStream();
    this.result = new Promise((resolve, reject) => {
      this.#call.on("data", ({ requestId = 0, response, error }: ScoreStreamResponse__Output) => {
        const verdict = response?.verdicts?.[0];
        if (verdict === undefined) {
          this.#call.cancel();
          reject(new Error(error?.message ?? "an answer without a verdict"));
          return;
        }
        if (requestId >= reasonsFrom) this.#explained(requestId - reasonsFrom, verdict);
        else this.#scored(requestId, verdict);
      });
      this.#call.on("error", reject);
      this.#call.on("end", () =>
        resolve({ elapsedMs: this.#elapsedMs, latenciesMs: this.#latencies }),
      );
    });
    while (this.#sent < Math.min(run.inFlight, run.events)) this.#sendNext();
  }

  #sendNext(): void {
    const index = this.#sent++;
    this.#sentAt[index] = performance.now();
    const { detector } = this.#run;
    this.#call.write({ requestId: index, request: { detector, events: [this.#run.event(index)] } });
  }

  #scored(index: number, verdict: Verdict__Output): void {
    const now = performance.now();
    this.#latencies[index] = now - (this.#sentAt[index] ?? now);
    this.#answered++;
    if (this.#sent < this.#run.events) this.#sendNext();
    if (this.#answered === this.#run.events) this.#elapsedMs = now - this.#startedAt;
    if (this.#run.onVerdict(index, verdict)) this.#askReasons(index);
    this.#endWhenDone();
  }

  /** SCORE_ONLY: asking teaches the model nothing. Without its id: a known id would get its first verdict again. */
  #askReasons(index: number): void {
    this.#explaining++;
    this.#call.write({
      requestId: reasonsFrom + index,
      request: {
        detector: this.#run.detector,
        events: [{ ...this.#run.event(index), id: "" }],
        mode: "MODE_SCORE_ONLY",
        explain: true,
      },
    });
  }

  #explained(index: number, verdict: Verdict__Output): void {
    this.#explaining--;
    this.#run.onReasons(index, verdict.reasons ?? []);
    this.#endWhenDone();
  }

  #endWhenDone(): void {
    if (this.#answered === this.#run.events && this.#explaining === 0) this.#call.end();
  }
}
