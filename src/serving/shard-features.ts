import type { Admission } from "../admission/admission.ts";
import { unknownDetector } from "../admission/admission.ts";
import { Deadlines } from "../admission/deadlines.ts";
import type { CallContext, Ticket } from "../admission/scorer.ts";
import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import type { Detector } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { readWorkOf } from "../features/read-work.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { RequestSpan, Telemetry } from "../telemetry/telemetry.ts";
import { checkRequest, programOf } from "./check-request.ts";
import type { FeatureReader, FeatureReply, FeatureRequest } from "./features.ts";
import { KeyPlaces } from "./key-places.ts";
import { Reading, type ReadingContext } from "./reading.ts";
import { Turns } from "./turns.ts";

export interface ShardFeaturesOptions {
  readonly shards: Pick<ShardSet, "shards" | "indexOf" | "wake">;
  readonly find: (name: string) => Detector | undefined;
  readonly admission: Pick<Admission, "enter" | "leave" | "runtimeOf">;
  readonly telemetry: Pick<Telemetry, "startRequest">;
  readonly clock: Clock;
  /** Told what a reply threw. */
  readonly failed: (error: unknown) => void;
}

/** A full queue empties within a batch or two. */
const retryFullMs = 10;

/**
 * Serves features out of the shards. Requests share the gate, the bound on requests in flight and the regions with scoring, and are
 * answered in one order with it: who has the verdict of an event, or has sent an event before, reads features with that event in them.
 */
export class ShardFeatures implements FeatureReader {
  /** Keys of all readings in flight. */
  private keysHeld = 0;
  private readonly deadlines: Deadlines;
  private readonly context: ReadingContext;
  private readonly options: ShardFeaturesOptions;

  constructor(options: ShardFeaturesOptions) {
    this.options = options;
    this.deadlines = new Deadlines(options.clock, options.failed);
    this.context = {
      shards: options.shards,
      clock: options.clock,
      find: options.find,
      answerBytesMax: limits.messageBytesMax,
      turns: new Turns(),
      placed: { work: 0 },
      settled: (reading) => this.settled(reading),
    };
  }

  read(request: FeatureRequest, call: CallContext, reply: FeatureReply): Ticket {
    const { admission, clock, shards } = this.options;
    admission.enter();
    try {
      const runtime = this.runtimeOf(request.detector);
      const { detector } = runtime;
      const asked = checkRequest(request, detector);
      this.checkKeysHeld(request.keys.length);
      const arrivalMs = clock.unixMs();
      const reading = new Reading(
        {
          runtime,
          asked,
          places: new KeyPlaces(request.keys, shards, runtime.oneShard),
          asOfMs: request.timeUnixMs === 0 ? arrivalMs : request.timeUnixMs,
          arrivalMs,
          receivedAt: call.receivedAt,
          deadline: Math.min(call.deadline, call.receivedAt + limits.readTimeoutMs),
          rowWork: readWorkOf(programOf(detector), request.timeUnixMs !== 0),
          reply,
          startSpan: () => this.startSpan(request, call),
        },
        this.context,
      );
      this.begin(reading);
      return reading;
    } catch (thrown) {
      admission.leave();
      throw thrown;
    }
  }

  private runtimeOf(name: string): ReturnType<Admission["runtimeOf"]> {
    const detector = this.options.find(name);
    if (detector === undefined) throw unknownDetector(name);
    return this.options.admission.runtimeOf(detector);
  }

  private checkKeysHeld(keys: number): void {
    if (this.keysHeld + keys <= limits.readKeysHeldMax) return;
    throw new WeirError(
      Code.RESOURCE_EXHAUSTED,
      "QUEUE_FULL",
      `the features of ${this.keysHeld} keys are being read, and at most ${limits.readKeysHeldMax} at a time; the server is overloaded`,
      { retryAfterMs: retryFullMs },
    );
  }

  private begin(reading: Reading): void {
    this.keysHeld += reading.keys;
    this.deadlines.add(reading);
    try {
      reading.begin();
    } catch (thrown) {
      this.context.turns.end(reading);
      this.release(reading);
      throw thrown;
    }
  }

  private release(reading: Reading): void {
    this.keysHeld -= reading.keys;
    this.deadlines.remove(reading);
  }

  private settled(reading: Reading): void {
    this.release(reading);
    this.options.admission.leave();
  }

  private startSpan(request: FeatureRequest, call: CallContext): RequestSpan | undefined {
    const { transport, traceparent } = call;
    const { detector, keys } = request;
    const rows = keys.length;
    const span = { transport, detector, rows, traceparent, reads: true };
    return this.options.telemetry.startRequest(span);
  }
}
