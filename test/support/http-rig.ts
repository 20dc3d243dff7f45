import { Writable } from "node:stream";
import { pino } from "pino";
import type { CallContext, Reply, Scorer, Ticket } from "../../src/admission/scorer.ts";
import { createAlerts, type AlertHub } from "../../src/alerts/hub.ts";
import { makeDetector } from "../../src/config/detector.ts";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { limits } from "../../src/config/limits.ts";
import { BoundedOperations, type OperationBounds } from "../../src/control/bounded-operations.ts";
import type { DetectorStatus, Registry } from "../../src/control/registry.ts";
import { systemClock, type Clock } from "../../src/domain/clock.ts";
import type { Detector, DetectorConfig } from "../../src/domain/detector.ts";
import { Code, WeirError, type Reason } from "../../src/domain/errors.ts";
import type { ScoreRequest } from "../../src/domain/event.ts";
import { Verdicts } from "../../src/domain/verdict.ts";
import {
  createHttpServer,
  type HttpOptions,
  type HttpTransport,
} from "../../src/transport/http/server.ts";
import { FakeFeatures } from "./fake-features.ts";
import { FakeOperations } from "./fake-operations.ts";

/** A request that the fake scorer holds. */
interface Held {
  readonly request: ScoreRequest;
  readonly call: CallContext;
  readonly reply: Reply;
  cancelled: boolean;
}

/** Answers at once with `verdictsOf`, refuses with `refusal`, or holds what it gets while `holding`. */
class FakeScorer implements Scorer {
  readonly held: Held[] = [];
  holding = false;
  refusal: Error | undefined = undefined;
  inFlight = 0;
  readonly #find: (name: string) => Detector | undefined;

  constructor(find: (name: string) => Detector | undefined) {
    this.#find = find;
  }

  submit(request: ScoreRequest, call: CallContext, reply: Reply): Ticket {
    const detector = this.#find(request.detector);
    if (detector === undefined) {
      throw new WeirError(Code.NOT_FOUND, "UNKNOWN_DETECTOR", `no detector ${request.detector}`);
    }
    if (this.refusal !== undefined) throw this.refusal;
    const held: Held = { request, call, reply, cancelled: false };
    this.held.push(held);
    if (!this.holding) reply.answer(verdictsOf(request), detector);
    return {
      cancel: () => {
        held.cancelled = true;
      },
    };
  }
}

/** Row i has score i / 8, all from the model. */
export function verdictsOf(request: ScoreRequest): Verdicts {
  const rows = request.frame?.rows ?? request.events.length;
  const verdicts = new Verdicts(rows);
  for (let row = 0; row < rows; row++) {
    verdicts.scores[row] = row / 8;
    verdicts.rawScores[row] = row / 8;
  }
  verdicts.thresholds.fill(0.9);
  verdicts.modelVersions.fill(1);
  verdicts.rules.fill(-1);
  verdicts.sources.fill(1);
  verdicts.states.fill(3);
  return verdicts;
}

const aStatus: DetectorStatus = {
  events: 9_007_199_254_740_991,
  keys: 2,
  anomalies: 3,
  fallbacks: 4,
  modelVersion: 1,
  stateBytes: 5,
  training: undefined,
  schema: 0xffffffff,
  lastError: "",
};

class FakeRegistry implements Registry {
  readonly detectors = new Map<string, Detector>();

  find(name: string): Detector | undefined {
    return this.detectors.get(name);
  }

  get(name: string): Detector {
    const found = this.detectors.get(name);
    if (found !== undefined) return found;
    throw new WeirError(Code.NOT_FOUND, "UNKNOWN_DETECTOR", `there is no detector ${name}`);
  }

  list(): readonly Detector[] {
    return [...this.detectors.values()].toSorted((a, b) =>
      Buffer.from(a.name).compare(Buffer.from(b.name)),
    );
  }

  status(): DetectorStatus {
    return aStatus;
  }

  create(name: string, config: DetectorConfig): Promise<Detector> {
    const there = this.detectors.get(name);
    if (there !== undefined && there.config.timeoutMs !== config.timeoutMs) {
      return Promise.reject(
        new WeirError(Code.ALREADY_EXISTS, "DETECTOR_EXISTS", `detector ${name} exists`),
      );
    }
    const detector = there ?? makeDetector(name, this.detectors.size, config);
    this.detectors.set(name, detector);
    return Promise.resolve(detector);
  }

  async reset(name: string): Promise<Detector> {
    return Promise.resolve(this.get(name));
  }

  async remove(name: string): Promise<void> {
    this.get(name);
    await Promise.resolve(this.detectors.delete(name));
  }
}

export interface HttpRig {
  readonly http: HttpTransport;
  readonly port: number;
  readonly url: string;
  readonly scorer: FakeScorer;
  readonly features: FakeFeatures;
  readonly registry: FakeRegistry;
  readonly operations: FakeOperations;
  readonly alerts: AlertHub;
  readonly refused: Reason[];
  readonly logged: string[];
}

/** The spec of the rig's detector `cards`. */
export const cardsSpec = {
  inputs: [{ name: "amount" }, { name: "hour" }, { name: "country", type: "category" }],
  rules: [{ name: "large", when: "amount > 1000.0", score: 0.9 }],
};

/** A real server on a free port over fakes, serving, with one detector, `cards`. */
export async function startHttp(
  changes: {
    readonly limits?: Partial<HttpOptions["limits"]>;
    readonly clock?: Clock;
    readonly watcherAlertsMax?: number;
    readonly serving?: boolean;
    readonly operationBounds?: Partial<OperationBounds>;
  } = {},
): Promise<HttpRig> {
  const registry = new FakeRegistry();
  await registry.create("cards", normalizeSpec(cardsSpec));
  const scorer = new FakeScorer((name) => registry.find(name));
  const features = new FakeFeatures();
  const operations = new FakeOperations(registry.get("cards"));
  const bounds = { ...limits, ...changes.operationBounds };
  const alerts = createAlerts({ ...limits, watcherAlertsMax: changes.watcherAlertsMax ?? 64 });
  const refused: Reason[] = [];
  const logged: string[] = [];
  const lines = new Writable({
    write(line: Buffer, _encoding, done) {
      logged.push(line.toString());
      done();
    },
  });
  const http = await createHttpServer(
    { host: "127.0.0.1", port: 0, limits: { ...limits, ...changes.limits }, version: "0.0.0" },
    {
      scorer,
      features,
      registry,
      alerts,
      operations: new BoundedOperations(operations, bounds, changes.clock ?? systemClock),
      telemetry: { refused: (_transport, reason) => refused.push(reason) },
      metricsText: () =>
        Promise.resolve({ contentType: "text/plain; version=0.0.4", body: "a 1\n" }),
      stats: () => ({ detectors: [] }),
      clock: changes.clock ?? systemClock,
      logger: pino(lines),
    },
  );
  const { port } = await http.listen();
  http.setServing(changes.serving ?? true);
  const url = `http://127.0.0.1:${port}`;
  return { http, port, url, scorer, features, registry, operations, alerts, refused, logged };
}

/** POST with a JSON body; a string goes as it is. */
export function postJson(url: string, body: unknown, method = "POST"): Promise<Response> {
  return fetch(url, {
    method,
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}
