import {
  credentials,
  loadPackageDefinition,
  Metadata,
  type ChannelCredentials,
  type ClientDuplexStream,
  type ClientOptions,
  type ServiceError,
} from "@grpc/grpc-js";
import protobuf from "protobufjs";
import type { CallContext, Reply, Scorer, Ticket } from "../../src/admission/scorer.ts";
import type { Alert, Alerts } from "../../src/alerts/alerts.ts";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { makeDetector } from "../../src/config/detector.ts";
import { limits } from "../../src/config/limits.ts";
import { BoundedOperations, type OperationBounds } from "../../src/control/bounded-operations.ts";
import type { Registry } from "../../src/control/registry.ts";
import { systemClock } from "../../src/domain/clock.ts";
import type { Detector } from "../../src/domain/detector.ts";
import { Code, WeirError } from "../../src/domain/errors.ts";
import type { ScoreRequest } from "../../src/domain/event.ts";
import { Source, State, Verdicts } from "../../src/domain/verdict.ts";
import { loadContract, protoDirectory } from "../../src/transport/grpc/definitions.ts";
import type { ProtoGrpcType as AdminProto } from "../../src/transport/grpc/generated/admin.ts";
import type { ProtoGrpcType as DetectorsProto } from "../../src/transport/grpc/generated/detectors.ts";
import type { ProtoGrpcType as FeaturesProto } from "../../src/transport/grpc/generated/features.ts";
import type { ProtoGrpcType as ScoringProto } from "../../src/transport/grpc/generated/scoring.ts";
import type { Error__Output } from "../../src/transport/grpc/generated/weir/v1/Error.ts";
import type { ScoreStreamRequest } from "../../src/transport/grpc/generated/weir/v1/ScoreStreamRequest.ts";
import type { ScoreStreamResponse__Output } from "../../src/transport/grpc/generated/weir/v1/ScoreStreamResponse.ts";
import { createGrpcServer, type GrpcOptions } from "../../src/transport/grpc/server.ts";
import { FakeOperations } from "./fake-operations.ts";
import { FakeFeatures } from "./fake-features.ts";

function isContract(
  value: unknown,
): value is ScoringProto & DetectorsProto & FeaturesProto & AdminProto {
  return typeof value === "object";
}

const contract: unknown = loadPackageDefinition(loadContract());
if (!isContract(contract)) throw new Error("no contract");
const { ScoringService, DetectorService, FeatureService, AdminService } = contract.weir.v1;

/** Clients of one connection, with the types that the contract generates. */
export function connect(
  port: number,
  channel: ChannelCredentials = credentials.createInsecure(),
  options: ClientOptions = {},
) {
  const scoring = new ScoringService(`127.0.0.1:${port}`, channel, options);
  const detectors = new DetectorService(`127.0.0.1:${port}`, channel, {
    ...options,
    channelOverride: scoring.getChannel(),
  });
  const features = new FeatureService(`127.0.0.1:${port}`, channel, {
    ...options,
    channelOverride: scoring.getChannel(),
  });
  const admin = new AdminService(`127.0.0.1:${port}`, channel, {
    ...options,
    channelOverride: scoring.getChannel(),
  });
  return { scoring, detectors, features, admin, close: () => scoring.close() };
}
export type Clients = ReturnType<typeof connect>;

/** The outcome of a unary call. */
export type Outcome<T> = { readonly value: T } | { readonly error: ServiceError };

/** Runs `start` with a callback for the outcome. */
export function unary<T>(
  start: (callback: (error: ServiceError | null, value?: T) => void) => unknown,
): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    start((error, value) => {
      if (error !== null) resolve({ error });
      else if (value !== undefined) resolve({ value });
    });
  });
}

export function valueOf<T>(outcome: Outcome<T>): T {
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

export function errorOf(outcome: Outcome<unknown>): ServiceError {
  if ("error" in outcome) return outcome.error;
  throw new Error("the call succeeded");
}

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => `${protoDirectory}/weir/v1/${target.replace(/.*\//, "")}`;
root.loadSync("scoring.proto");
const errorType = root.lookupType("weir.v1.Error");

/** The weir.v1.Error in a call's status details. */
export function detailsOf(error: ServiceError): Error__Output {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(bytes)) throw new Error(`no details: ${error.message}`);
  const status = protobuf.Reader.create(bytes);
  let packed: Uint8Array = new Uint8Array();
  while (status.pos < status.len) {
    const tag = status.uint32();
    if (tag === 26) packed = status.bytes();
    else status.skipType(tag & 7);
  }
  const any = protobuf.Reader.create(packed);
  any.uint32();
  any.string();
  any.uint32();
  return errorType.toObject(errorType.decode(any.bytes()), { defaults: true, arrays: true });
}

/** A score stream with its answers in order of arrival and a promise for its end. */
export class StreamClient {
  readonly call: ClientDuplexStream<ScoreStreamRequest, ScoreStreamResponse__Output>;
  readonly answers: ScoreStreamResponse__Output[] = [];
  readonly status: Promise<{
    readonly code: number;
    readonly details: string;
    readonly metadata: Metadata;
  }>;
  #wake: (() => void) | undefined;

  constructor({ scoring }: Clients, metadata = new Metadata(), deadline?: number) {
    this.call = scoring.ScoreStream(metadata, deadline === undefined ? {} : { deadline });
    this.call.on("data", (answer: ScoreStreamResponse__Output) => {
      this.answers.push(answer);
      this.#wake?.();
    });
    this.call.on("error", () => undefined);
    this.status = new Promise((resolve) => {
      this.call.on("status", resolve);
    });
  }

  send(request: ScoreStreamRequest): void {
    this.call.write(request);
  }

  /** Waits until there are `count` answers. */
  async wait(count: number): Promise<readonly ScoreStreamResponse__Output[]> {
    while (this.answers.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.answers;
  }

  /** The answer to one request. */
  answerTo(requestId: number): ScoreStreamResponse__Output | undefined {
    return this.answers.find((answer) => (answer.requestId ?? 0) === requestId);
  }
}

/** A request that a FakeScorer admitted. */
export interface Admitted {
  readonly request: ScoreRequest;
  readonly call: CallContext;
  cancelled: boolean;
  /** Answers with a score of 0.5 a row. */
  answer(): void;
  fail(error: WeirError): void;
}

/** Admits everything, or refuses with what `refuse` gives; answers at once, or when told while `holding`. */
export class FakeScorer implements Scorer {
  readonly admitted: Admitted[] = [];
  holding = false;
  refuse: (request: ScoreRequest) => WeirError | undefined = () => undefined;
  readonly #detector: Detector;
  #inFlight = 0;

  constructor(detector: Detector) {
    this.#detector = detector;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  submit(request: ScoreRequest, call: CallContext, reply: Reply): Ticket {
    const refusal = this.refuse(request);
    if (refusal !== undefined) throw refusal;
    this.#inFlight++;
    const done = (): void => {
      this.#inFlight--;
    };
    const admitted: Admitted = {
      request,
      call,
      cancelled: false,
      answer: () => {
        done();
        reply.answer(this.#verdicts(request), this.#detector);
      },
      fail: (error) => {
        done();
        reply.fail(error);
      },
    };
    this.admitted.push(admitted);
    if (!this.holding) admitted.answer();
    return {
      cancel: () => {
        admitted.cancelled = true;
        done();
      },
    };
  }

  /** Waits until `count` requests have been admitted. */
  async wait(count: number): Promise<void> {
    await until(() => this.admitted.length >= count);
  }

  #verdicts(request: ScoreRequest): Verdicts {
    const verdicts = new Verdicts(request.frame?.rows ?? request.events.length);
    verdicts.scores.fill(0.5);
    verdicts.rawScores.fill(0.5);
    verdicts.sources.fill(Source.MODEL);
    verdicts.states.fill(State.READY);
    verdicts.rules.fill(-1);
    return verdicts;
  }
}

/** Alerts in memory: `publish` reaches every watcher, whose queues hold `max`. */
export class FakeAlerts implements Alerts {
  readonly watchers = new Set<{
    alerts: Alert[];
    lost: number;
    wake: () => void;
    detectors: readonly string[];
  }>();
  max = 1000;
  limit = 2;

  publish(alert: Alert): void {
    for (const watcher of this.watchers) {
      if (watcher.detectors.length > 0 && !watcher.detectors.includes(alert.detector)) continue;
      watcher.alerts.push(alert);
      if (watcher.alerts.length > this.max) {
        watcher.alerts.shift();
        watcher.lost++;
      }
      if (watcher.alerts.length === 1) watcher.wake();
    }
  }

  watch(detectors: readonly string[], wake: () => void) {
    if (this.watchers.size >= this.limit) {
      throw new WeirError(Code.RESOURCE_EXHAUSTED, "TOO_MANY_WATCHERS", `at most ${this.limit}`);
    }
    const watcher = { alerts: [], lost: 0, wake, detectors };
    this.watchers.add(watcher);
    return {
      take: () => {
        const alert = watcher.alerts.shift();
        return alert === undefined ? undefined : { alert, lost: watcher.lost };
      },
      close: () => {
        this.watchers.delete(watcher);
      },
    };
  }
}

/** Detectors in a map, with a status of zeros. */
export class FakeRegistry implements Registry {
  readonly detectors = new Map<string, Detector>();

  find(name: string): Detector | undefined {
    return this.detectors.get(name);
  }

  get(name: string): Detector {
    const detector = this.find(name);
    if (detector !== undefined) return detector;
    throw new WeirError(Code.NOT_FOUND, "UNKNOWN_DETECTOR", `no detector ${name}`);
  }

  list(): readonly Detector[] {
    return [...this.detectors.values()].toSorted((a, b) =>
      Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
    );
  }

  status(detector: Detector) {
    const zeros = { events: 0, keys: 0, anomalies: 0, fallbacks: 0, stateBytes: 0 };
    return {
      ...zeros,
      modelVersion: 1,
      schema: detector.schema,
      training: undefined,
      lastError: "",
    };
  }

  async create(name: string, config: Detector["config"]): Promise<Detector> {
    if (this.detectors.has(name)) throw new WeirError(Code.ALREADY_EXISTS, "DETECTOR_EXISTS", name);
    const detector = makeDetector(name, this.detectors.size, config);
    this.detectors.set(name, detector);
    return detector;
  }

  async reset(name: string): Promise<Detector> {
    return this.get(name);
  }

  async remove(name: string): Promise<void> {
    this.get(name);
    this.detectors.delete(name);
  }
}

type Changes = Partial<Omit<GrpcOptions, "limits">> & {
  readonly limits?: Partial<GrpcOptions["limits"]>;
  readonly operationBounds?: Partial<OperationBounds>;
  readonly withOperations?: boolean;
};

/** The transport over fakes, listening on a free port. */
export async function startFake(changes: Changes = {}) {
  const registry = new FakeRegistry();
  const detector = await registry.create("cards", normalizeSpec({ inputs: [{ name: "amount" }] }));
  const scorer = new FakeScorer(detector);
  const features = new FakeFeatures();
  const operations = new FakeOperations(detector);
  const bounds = { ...limits, ...changes.operationBounds };
  const alerts = new FakeAlerts();
  const failures: WeirError[] = [];
  const refused: string[] = [];
  const transport = createGrpcServer(
    {
      address: "127.0.0.1:0",
      tls: undefined,
      keepalive: { timeMs: 60_000, timeoutMs: 20_000 },
      ...changes,
      limits: { ...limits, ...changes.limits },
    },
    {
      scorer,
      features,
      registry,
      alerts,
      operations:
        changes.withOperations === false
          ? undefined
          : new BoundedOperations(operations, bounds, systemClock),
      telemetry: { refused: (_transport, reason) => refused.push(reason) },
      clock: systemClock,
      failed: (error) => failures.push(error),
    },
  );
  const { port } = await transport.listen();
  transport.setServing(true);
  return { transport, port, scorer, features, registry, alerts, operations, failures, refused };
}

/** Polls every few ms; throws after five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`never: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
