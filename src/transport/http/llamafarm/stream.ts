import { setImmediate as nextTurn } from "node:timers/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { CallContext } from "../../../admission/scorer.ts";
import { detectorName } from "../../../config/detector-spec.ts";
import { limits } from "../../../config/limits.ts";
import { isDiscovering } from "../../../discovery/discovery.ts";
import type { Detector } from "../../../domain/detector.ts";
import { WeirError } from "../../../domain/errors.ts";
import type { ScoreRequest } from "../../../domain/event.ts";
import { State, type Verdicts } from "../../../domain/verdict.ts";
import { refuseCrossSite } from "../errors.ts";
import { Chains } from "./chains.ts";
import { described } from "./openapi.ts";
import { answer, pathId, type LlamaFarmParts } from "./parts.ts";
import { streamRouteDescriptions as docs } from "./stream-schemas.ts";
import { StreamDetectors, modelOf, notFound, thresholdOf } from "./stream-detectors.ts";
import type { StreamingParts } from "./stream-detectors.ts";
import { detectorConfig, readStreamRequest, type StreamRequest } from "./stream-request.ts";
import {
  checkInputs,
  checkNumbers,
  collectingItem,
  eventOf,
  itemOf,
  namedRow,
  ofPoints,
} from "./stream-rows.ts";
import type { StreamItem } from "./stream-rows.ts";
import type { Row } from "./validate.ts";

interface Identified {
  Params: { id: string };
}

/** What has been answered of a request so far. */
interface Progress {
  readonly data: readonly Row[];
  readonly items: StreamItem[];
  /** State of the last row that the shards answered; 0 = none. */
  state: number;
}

/** Points that are answered without a model, one request to the shards. */
const coldRowsMax = limits.requestRowsMax;
/** Points that are kept before other work gets a turn: a millisecond or two. */
const keptRowsMax = 256;

/** Streams of LlamaFarm: whose requests to one detector are answered in order. */
export class Streams {
  readonly detectors: StreamDetectors;
  readonly chains = new Chains();
  private readonly parts: LlamaFarmParts;
  private readonly streaming: StreamingParts;

  constructor(parts: LlamaFarmParts, streaming: StreamingParts) {
    this.parts = parts;
    this.streaming = streaming;
    this.detectors = new StreamDetectors(parts.registry, streaming.discovery);
  }

  /** Answers POST anomaly/stream; `traceparent` is the caller's. */
  async post(body: unknown, traceparent: string | undefined): Promise<object> {
    const request = readStreamRequest(body);
    const { model } = request;
    const detector = this.chains.busy(model) ? undefined : this.parts.registry.find(model);
    if (detector !== undefined && this.isQuick(detector, request)) {
      // Admission keeps the order of what has a model: nobody waits for anybody.
      return await this.quickly(detector, request.data, traceparent);
    }
    const bytes = Buffer.isBuffer(body) ? body.length : 0;
    return await this.chains.run(model, () => this.inOrder(request, traceparent), bytes);
  }

  private isQuick(detector: Detector, { data }: StreamRequest): boolean {
    if (data.length === 0 || data.length > limits.requestRowsMax) return false;
    return !isDiscovering(detector) && this.detectors.find(detector.name) !== undefined
      ? this.detectors.progress(detector).modelVersion > 0
      : false;
  }

  private async quickly(
    detector: Detector,
    data: readonly Row[],
    traceparent: string | undefined,
  ): Promise<object> {
    const progress: Progress = { data, items: [], state: 0 };
    await this.score(detector, data, { progress, traceparent, untilReady: () => 0 });
    return this.answerOf(detector, progress);
  }

  private async inOrder(request: StreamRequest, traceparent: string | undefined): Promise<object> {
    const { model, data } = request;
    checkNumbers(data);
    const known = this.detectors.find(model);
    let detector = known ?? (await this.create(request));
    try {
      if (isDiscovering(detector)) this.streaming.discovery.check(detector, data.map(namedRow));
      else checkInputs(data, detector);
    } catch (error) {
      // A request that is refused makes no detector: the next one may come with other options.
      if (known === undefined) await this.forgetEmpty(detector);
      throw error;
    }
    const progress: Progress = { data, items: [], state: 0 };
    while (progress.items.length < data.length) {
      detector = this.detectors.find(model) ?? gone(model);
      await this.next(detector, progress, traceparent);
    }
    return this.answerOf(this.detectors.find(model) ?? gone(model), progress);
  }

  private async forgetEmpty(detector: Detector): Promise<void> {
    const isStill = this.detectors.find(detector.name) === detector;
    if (!isStill || this.detectors.progress(detector).totalProcessed > 0) return;
    await this.parts.registry.remove(detector.name).catch(() => undefined);
  }

  private async create(request: StreamRequest): Promise<Detector> {
    const name = detectorName(request.model, "model");
    try {
      return await this.parts.registry.create(name, detectorConfig(request));
    } catch (error) {
      // Another transport was faster: the first one decides.
      const isThere = error instanceof WeirError && error.reason === "DETECTOR_EXISTS";
      const there = isThere ? this.detectors.find(name) : undefined;
      if (there === undefined) throw error;
      return there;
    }
  }

  /** Answers as many of the next points as one step of the detector's life takes. */
  private async next(
    detector: Detector,
    progress: Progress,
    traceparent: string | undefined,
  ): Promise<void> {
    const rest = progress.data.length - progress.items.length;
    if (isDiscovering(detector)) {
      await this.discover(detector, progress, rest);
      return;
    }
    const { modelVersion, samplesUntilReady } = this.detectors.progress(detector);
    const start = progress.items.length;
    if (modelVersion > 0) {
      const rows = progress.data.slice(start, start + limits.requestRowsMax);
      await this.score(detector, rows, { progress, traceparent, untilReady: () => 0 });
      return;
    }
    // A first training that is due or under way holds the rows behind it, so that one request can cross the cold start.
    if (samplesUntilReady === 0 && (await this.trained(detector))) return;
    // After a failure the next attempt comes when a quarter more rows are there.
    const { minSamples, windowRows } = modelOf(detector);
    const cold = samplesUntilReady === 0 ? Math.ceil(minSamples / 4) : samplesUntilReady;
    const rows = progress.data.slice(start, start + Math.min(cold, rest, coldRowsMax));
    const least = Math.max(0, minSamples - windowRows);
    await this.score(detector, rows, {
      progress,
      traceparent,
      untilReady: (row) => Math.max(least, samplesUntilReady - row - 1),
    });
    if (rows.length === cold) await this.streaming.whenTrained(detector);
  }

  private async trained(detector: Detector): Promise<boolean> {
    await this.streaming.whenTrained(detector);
    return this.detectors.progress(detector).modelVersion > 0;
  }

  /** Rows of a detector whose inputs are not known: kept until they are. */
  private async discover(detector: Detector, progress: Progress, rest: number): Promise<void> {
    const { discovery } = this.streaming;
    const start = progress.items.length;
    const count = Math.min(rest, keptRowsMax, Math.max(1, discovery.missing(detector)));
    let position = 0;
    for (const row of progress.data.slice(start, start + count)) {
      position = discovery.keep(detector, [namedRow(row)]);
      progress.items.push(collectingItem(this.detectors.progress(detector).samplesUntilReady));
    }
    await discovery.written(position, detector.config.timeoutMs);
    if (discovery.missing(detector) > 0) {
      if (count < rest) await nextTurn();
      return;
    }
    const settled = await discovery.settle(detector);
    if (settled !== undefined) await this.streaming.whenTrained(settled);
  }

  private async score(
    detector: Detector,
    rows: readonly Row[],
    into: {
      readonly progress: Progress;
      readonly traceparent: string | undefined;
      readonly untilReady: (row: number) => number;
    },
  ): Promise<void> {
    const { progress, traceparent, untilReady } = into;
    const request = {
      detector: detector.name,
      events: rows.map((row) => eventOf(row, detector)),
      frame: undefined,
      mode: 0,
      timeoutMs: limits.timeoutMsMax,
      explain: false,
    };
    const first = progress.items.length;
    const verdicts = await this.submit(request, traceparent).catch((error: unknown) => {
      throw ofPoints(error, detector, first);
    });
    for (let row = 0; row < rows.length; row++) {
      progress.items.push(itemOf(verdicts, row, untilReady(row)));
    }
    progress.state = verdicts.states[rows.length - 1] ?? 0;
  }

  private submit(request: ScoreRequest, traceparent: string | undefined): Promise<Verdicts> {
    const { scorer, clock } = this.parts;
    const call: CallContext = {
      receivedAt: clock.now(),
      deadline: Infinity,
      transport: "http",
      traceparent,
      begun: true,
    };
    return new Promise((resolve, reject) => {
      scorer.submit(request, call, { answer: resolve, fail: reject });
    });
  }

  private answerOf(detector: Detector, { items, state }: Progress): object {
    const progress = this.detectors.progress(detector);
    for (const [index, item] of items.entries()) item.index = index;
    return {
      object: "streaming_result",
      model: detector.name,
      status: statusOf(progress.status, state),
      results: items,
      model_version: progress.modelVersion,
      samples_collected: progress.samplesCollected,
      samples_until_ready: progress.samplesUntilReady,
      threshold: thresholdOf(detector),
      ...(progress.status === "collecting" && progress.lastError !== ""
        ? { last_error: progress.lastError }
        : {}),
    };
  }
}

/**
 * As the last point met the detector: LlamaFarm answers "ready" to the point that makes a retraining due, and its clients read the
 * results of "ready" only.
 */
function statusOf(now: "collecting" | "ready" | "retraining", state: number): string {
  return now === "retraining" && state !== State.RETRAINING ? "ready" : now;
}

function gone(id: string): never {
  throw notFound(id);
}

/** POST anomaly/stream and the management of streaming detectors, under `prefix`. */
export function streamRoutes(
  app: FastifyInstance,
  prefix: string,
  parts: LlamaFarmParts,
  streams: Streams,
): void {
  app.post(`${prefix}/anomaly/stream`, described(prefix, docs.post), (request, reply) => {
    const { traceparent } = request.headers;
    const trace = typeof traceparent === "string" ? traceparent : undefined;
    return answer(parts, request, reply, () => streams.post(request.body, trace));
  });
  managementRoutes(app, prefix, parts, streams);
}

function managementRoutes(
  app: FastifyInstance,
  prefix: string,
  parts: LlamaFarmParts,
  { detectors, chains }: Streams,
): void {
  const path = `${prefix}/anomaly/stream/:id`;
  const on = (
    request: FastifyRequest<Identified>,
    reply: FastifyReply,
    work: (id: string) => unknown,
  ) => answer(parts, request, reply, () => work(pathId(request.params.id, "model_id")));
  app.get(`${prefix}/anomaly/stream/detectors`, described(prefix, docs.list), (request, reply) =>
    answer(parts, request, reply, () => {
      const data = detectors.list().map((detector) => detectors.stats(detector));
      return { object: "list", data, total: data.length };
    }),
  );
  app.get<Identified>(path, described(prefix, docs.get), (request, reply) =>
    on(request, reply, (id) => ({
      object: "streaming_detector",
      ...detectors.stats(detectors.get(id)),
    })),
  );
  app.post<Identified>(`${path}/reset`, described(prefix, docs.reset), (request, reply) =>
    on(request, reply, async (id) => {
      refuseCrossSite(request.headers);
      await chains.run(id, () => change(id, (name) => parts.registry.reset(name)));
      return { object: "reset_result", model: id, status: "collecting", reset: true };
    }),
  );
  app.delete<Identified>(path, described(prefix, docs.delete), (request, reply) =>
    on(request, reply, async (id) => {
      await chains.run(id, () => change(id, (name) => parts.registry.remove(name)));
      return { object: "delete_result", model: id, deleted: true };
    }),
  );

  async function change(id: string, make: (name: string) => Promise<unknown>): Promise<void> {
    try {
      await make(detectors.get(id).name);
    } catch (error) {
      const isGone = error instanceof WeirError && error.reason === "UNKNOWN_DETECTOR";
      throw isGone ? notFound(id) : error;
    }
  }
}
