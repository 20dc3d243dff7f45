import { move, Piscina, transferableSymbol, valueSymbol } from "piscina";
import { Code, WeirError } from "../domain/errors.ts";
import { TrainerDied } from "./pool.ts";
import type { ModelPool, ScoreJob, ScoreResult, TrainOptions } from "./pool.ts";
import type { ThreadPriority } from "./priority.ts";
import { TrainingError } from "./training.ts";
import type { TrainingRequest } from "./training.ts";
import type { ModelJob, ModelJobResult, ModelWorkerData, ThreadStarted } from "./worker.ts";

export interface ThreadPoolOptions {
  readonly module: WebAssembly.Module;
  readonly threads: number;
  /** Of each thread: address space, used as it is touched. */
  readonly memoryBytes: number;
  /** Jobs that may wait, beside those that run. */
  readonly queueMax: number;
  /** Of the threads, on Linux: 0 = as the process, up to 19 = gives way to everything else. */
  readonly nice: number;
  /** A thread with `nice` started and says how it stands. */
  readonly onStarted?: (priority: ThreadPriority) => void;
}

/** A thread without work ends after this long, and what it held goes back to the system. A new one takes about 50 ms to start. */
const IDLE_MS = 30_000;
/** What is told to who comes too early; a training takes milliseconds to seconds. */
const RETRY_MS = 1000;

/** A model pool on threads that start with the first job. A thread that dies takes its own job with it, and no other. */
export class ThreadPool implements ModelPool {
  /** Threads that have started so far; counted of those with `nice`. */
  started = 0;
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private readonly options: ThreadPoolOptions;
  private readonly piscina: Piscina<unknown, ModelJobResult>;
  private closing = false;

  constructor(options: ThreadPoolOptions) {
    this.options = options;
    const { module, memoryBytes, nice } = options;
    const workerData: ModelWorkerData = { module, memoryBytes, nice };
    this.piscina = new Piscina<unknown, ModelJobResult>({
      filename: new URL("./worker.ts", import.meta.url).href,
      name: "runModelJob",
      minThreads: 0,
      maxThreads: options.threads,
      concurrentTasksPerWorker: 1,
      idleTimeout: IDLE_MS,
      workerData,
    });
    this.piscina.on("message", (message: unknown) => {
      if (!isThreadStarted(message)) return;
      this.started++;
      options.onStarted?.(message.started);
    });
    this.piscina.on("workerDestroy", () => {
      // Piscina does not replace a thread that died while it was starting; the next job makes it start one.
      setImmediate(() => this.nudge());
    });
    // Without tasks a lost thread is an event, and an event without a listener would end the process.
    this.piscina.on("error", () => undefined);
  }

  get queued(): number {
    return this.running + this.waiting.length;
  }

  async train(
    request: TrainingRequest,
    { moveRows = false, unbounded = false }: TrainOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (!unbounded) this.admit();
    const { buffer } = request.rows;
    const moved = moveRows && buffer instanceof ArrayBuffer ? buffer : undefined;
    const result = await this.run({ kind: "train", request }, moved);
    if (result instanceof Uint8Array) return result;
    throw new TrainingError("failure" in result ? result.failure : "the training gave no model");
  }

  async score(job: ScoreJob): Promise<ScoreResult> {
    this.admit();
    const result = await this.run({ kind: "score", job });
    if ("scored" in result) return result.scored;
    throw new Error("failure" in result ? result.failure : "the scoring gave no scores");
  }

  async check(model: Uint8Array): Promise<string | undefined> {
    this.admit();
    const result = await this.run({ kind: "check", model });
    if ("checked" in result) return result.checked;
    throw new Error("failure" in result ? result.failure : "the check gave no result");
  }

  /** For tests: kills a thread in the middle of whatever it does. */
  async killThread(index: number): Promise<void> {
    await this.piscina.threads[index]?.terminate();
  }

  async close(): Promise<void> {
    this.closing = true;
    for (const start of this.waiting.splice(0)) {
      this.running++;
      start();
    }
    await this.piscina.destroy();
  }

  private admit(): void {
    if (this.queued < this.options.threads + this.options.queueMax) return;
    throw new WeirError(
      Code.RESOURCE_EXHAUSTED,
      "QUEUE_FULL",
      `${this.options.queueMax} jobs wait for a model thread, the limit; try again later`,
      { retryAfterMs: RETRY_MS },
    );
  }

  private async run(job: ModelJob, moved?: ArrayBuffer): Promise<ModelJobResult> {
    // Jobs wait here: Piscina has one a thread, so that the death of a thread can cost no other.
    if (this.running >= this.options.threads) {
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
      });
    } else this.running++;
    try {
      if (this.closing) throw new Error("closed");
      return await this.piscina.run(moved === undefined ? job : moving(job, moved));
    } catch (error) {
      const died = job.kind === "train" ? "the trainer thread died" : "the thread that scored died";
      throw new TrainerDied(this.closing ? "the server is stopping" : died, { cause: error });
    } finally {
      // The next one takes this one's place.
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }

  /** A job that does nothing makes Piscina look at those that wait. */
  private nudge(): void {
    if (this.closing || this.running === 0) return;
    const nothing: ModelJob = { kind: "check", model: new Uint8Array(0) };
    this.piscina.run(nothing).catch(() => undefined);
  }
}

/** The job, with a buffer in it that is handed over instead of copied. */
function moving(job: ModelJob, buffer: ArrayBuffer): unknown {
  return move({ [transferableSymbol]: [buffer], [valueSymbol]: job });
}

function isThreadStarted(message: unknown): message is ThreadStarted {
  return typeof message === "object" && message !== null && "started" in message;
}
