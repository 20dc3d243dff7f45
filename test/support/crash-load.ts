import { status as Status } from "@grpc/grpc-js";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { ScoreStreamRequest } from "../../src/transport/grpc/generated/weir/v1/ScoreStreamRequest.ts";
import type { ScoreStreamResponse__Output } from "../../src/transport/grpc/generated/weir/v1/ScoreStreamResponse.ts";
import type { FrameVerdicts__Output } from "../../src/transport/grpc/generated/weir/v1/FrameVerdicts.ts";
import type { Verdict__Output } from "../../src/transport/grpc/generated/weir/v1/Verdict.ts";
import { bitsOf } from "./crash-ledger.ts";
import type { Ledger, SentRow } from "./crash-ledger.ts";
import { connect, unary } from "./grpc.ts";
import type { Clients } from "./grpc.ts";

const inputs = [{ name: "a" }, { name: "b" }, { name: "c" }];
const trees = { trees: 10, height: 6, window: 20 };
const forest = { nEstimators: 20 };

/** A detector of each way that rows take, and one that comes and goes. Its rows have three numbers. */
export const crashDetectors: Readonly<Record<string, object>> = {
  trees: { inputs, scaler: "SCALER_STANDARD", halfSpaceTrees: trees, burnInEvents: 10 },
  windows: {
    inputs,
    halfSpaceTrees: trees,
    features: [
      { name: "n", aggregate: "AGGREGATE_COUNT", window: { sliding: "1h" } },
      { name: "m", of: "a", aggregate: "AGGREGATE_MEAN", window: { last: 5 }, defaultValue: 0 },
    ],
  },
  forest: {
    inputs,
    isolationForest: forest,
    window: { rows: 100, minSamples: 40, retrainInterval: 30 },
  },
  temporary: { inputs, halfSpaceTrees: trees },
};

export interface LoadOptions {
  readonly ledger: Ledger;
  readonly random: () => number;
  /** Requests in flight. */
  readonly inFlight: number;
  /** Budget of an answer; most are never answered by a fallback. */
  readonly timeoutMs: number;
}

/**
 * Streams rows until it is stopped or the server is gone: single events and frames, new ids, and ones that were sent before or are in flight. Goes
 * on after refusals.
 */
export class CrashLoad {
  readonly refusals = new Map<string, number>();
  readonly #clients: Clients;
  readonly #options: LoadOptions;
  readonly #stream: ClientDuplexStream<ScoreStreamRequest, ScoreStreamResponse__Output>;
  readonly #inFlight = new Map<number, readonly SentRow[]>();
  #sent = 0;
  #stopping = false;
  #idle: () => void = () => undefined;

  constructor(grpcPort: number, options: LoadOptions) {
    this.#clients = connect(grpcPort);
    this.#options = options;
    this.#stream = this.#clients.scoring.ScoreStream();
    this.#stream.on("data", (answer: ScoreStreamResponse__Output) => this.#take(answer));
    this.#stream.on("error", () => this.#end());
    this.#stream.on("end", () => this.#end());
  }

  get clients(): Clients {
    return this.#clients;
  }

  /** Makes the detectors that are not there yet; the server may end meanwhile. */
  async createDetectors(): Promise<void> {
    for (const [name, spec] of Object.entries(crashDetectors)) {
      const made = await unary<object>((done) =>
        this.#clients.detectors.CreateDetector({ name, spec }, deadline(), done),
      );
      if ("error" in made && made.error.code === Status.INVALID_ARGUMENT) throw made.error;
    }
  }

  /** Resets, removes or makes the detector that comes and goes. */
  async changeTemporary(): Promise<void> {
    const { detectors } = this.#clients;
    const name = "temporary";
    const which = this.#options.random();
    const spec = crashDetectors[name] ?? {};
    if (which < 0.4)
      await unary<object>((done) => detectors.ResetDetector({ name }, deadline(), done));
    else if (which < 0.7) {
      await unary<object>((done) => detectors.DeleteDetector({ name }, deadline(), done));
    }
    await unary<object>((done) => detectors.CreateDetector({ name, spec }, deadline(), done));
  }

  /** Whatever becomes of it. */
  async takeSnapshot(): Promise<void> {
    await unary<object>((done) => this.#clients.admin.CreateSnapshot({}, deadline(), done));
  }

  run(): void {
    for (let i = 0; i < this.#options.inFlight; i++) this.#send();
  }

  /** Sends these again and waits for their answers, or for the server's end. */
  async again(rows: readonly SentRow[]): Promise<void> {
    for (const row of rows) this.#write([row], 60_000);
    await this.drained();
  }

  /** No more is sent; resolves when all is answered, or the server is gone. */
  async drained(): Promise<void> {
    this.#stopping = true;
    if (this.#inFlight.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  close(): void {
    this.#stopping = true;
    this.#stream.cancel();
    this.#clients.close();
    this.#end();
  }

  #send(): void {
    if (this.#stopping) return;
    const { ledger, random, timeoutMs } = this.#options;
    const names = Object.keys(crashDetectors);
    const detector = names[Math.floor(random() * names.length)] ?? "trees";
    const budget = random() < 0.05 ? 1 : timeoutMs;
    const again = this.#sentBefore();
    if (again.length > 0) return this.#write(again, random() < 0.3 ? 1 : timeoutMs);
    const count = random() < 0.5 ? 1 : 1 + Math.floor(random() * 40);
    const key = (): string => `key ${Math.floor(random() * 12)}`;
    const values = (): number[] => [random(), random() * 10, random() - 0.5];
    this.#write(
      Array.from({ length: count }, () => ledger.make(detector, key(), values())),
      budget,
    );
  }

  /** Now and then rows that are in flight, or any row of before. */
  #sentBefore(): readonly SentRow[] {
    const { ledger, random } = this.#options;
    const which = random();
    if (which < 0.1) {
      const inFlight = [...this.#inFlight.values()];
      const rows = inFlight[Math.floor(random() * inFlight.length)] ?? [];
      // Of some requests all, of others one: what is packed comes again as an event.
      const from = random() < 0.5 ? 0 : Math.floor(random() * rows.length);
      const twice = from === 0 ? rows : rows.slice(from, from + 1);
      return twice[0]?.detector === "temporary" ? [] : twice;
    }
    const row = ledger.again[Math.floor(random() * ledger.again.length)];
    return which < 0.16 && row !== undefined ? [row] : [];
  }

  #write(rows: readonly SentRow[], timeoutMs: number): void {
    const [first] = rows;
    if (first === undefined) return;
    const requestId = ++this.#sent;
    this.#inFlight.set(requestId, rows);
    for (const row of rows) row.sent++;
    const content = rows.length < 3 ? { events: rows.map(eventOf) } : { frame: frameOf(rows) };
    this.#stream.write({ requestId, request: { detector: first.detector, timeoutMs, ...content } });
  }

  #take({ requestId = 0, response, error }: ScoreStreamResponse__Output): void {
    const rows = this.#inFlight.get(requestId);
    this.#inFlight.delete(requestId);
    if (rows !== undefined && response) this.#answered(rows, response);
    const reason = error?.reason ?? "";
    if (error) this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
    // A server that refuses everything is not asked as fast as it can refuse.
    if (error) setTimeout(() => this.#send(), 5);
    else this.#send();
    if (this.#inFlight.size === 0) this.#idle();
  }

  #answered(
    rows: readonly SentRow[],
    response: NonNullable<ScoreStreamResponse__Output["response"]>,
  ): void {
    const { ledger } = this.#options;
    const { verdicts = [], frame } = response;
    for (const [i, row] of rows.entries()) {
      ledger.answered(row, frame ? packedVerdict(frame, i) : namedVerdict(verdicts[i] ?? {}));
    }
  }

  #end(): void {
    this.#stopping = true;
    this.#inFlight.clear();
    this.#idle();
  }
}

type Received = Parameters<Ledger["answered"]>[1];

/** Fields that the contract leaves out are zero, false or empty. */
function packedVerdict(frame: FrameVerdicts__Output, row: number): Received {
  const { scores = none, sources: from = none, replayed = none, durables = none } = frame;
  return {
    score: bitsOf(scores.length > 0 ? scores.readDoubleLE(row * 8) : undefined),
    source: from[row] ?? 0,
    replayed: replayed[row] === 1,
    durable: durables.length > 0 ? durables[row] === 1 : (frame.durable ?? false),
  };
}

function namedVerdict(verdict: Verdict__Output): Received {
  const { score, source = 0, replayed = false, durable = false } = verdict;
  return { score: bitsOf(score), source: sourceNumber(source), replayed, durable };
}

const none = Buffer.alloc(0);
const sources = [
  "SOURCE_UNSPECIFIED",
  "SOURCE_MODEL",
  "SOURCE_RULES",
  "SOURCE_CACHED",
  "SOURCE_DEFAULT",
];

function sourceNumber(source: string | number): number {
  return typeof source === "number" ? source : sources.indexOf(source);
}

function eventOf({ id, key, values }: SentRow) {
  return { id, key, values: [...values] };
}

function frameOf(rows: readonly SentRow[]) {
  const keys = [...new Set(rows.map(({ key }) => key))];
  return {
    rows: rows.length,
    values: Buffer.from(Float64Array.from(rows.flatMap(({ values }) => values)).buffer),
    keys,
    keyIndex: Buffer.from(Uint32Array.from(rows, ({ key }) => keys.indexOf(key)).buffer),
    ids: rows.map(({ id }) => id),
  };
}

function deadline() {
  return { deadline: Date.now() + 10_000 };
}
