import { Code, WeirError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/clock.ts";
import type { Position } from "../../shard/journal.ts";
import type { Snapshot } from "../snapshot/format.ts";
import { KeeperThread } from "./keeper-thread.ts";
import type {
  ExportAbout,
  ExportDone,
  KeeperDone,
  KeeperProgress,
  KeeperRequest,
  KeeperSetting,
  SnapshotDone,
} from "./protocol.ts";

interface KeeperLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface KeeperOptions extends KeeperSetting {
  /**
   * The newest position that is durable and up to which every batch was stepped, or its VOID is durable too: a snapshot of it is what the
   * live shards were there.
   */
  readonly settled: () => Position;
  /** Bytes that were appended to the journal since the server started. */
  readonly journalBytes: () => number;
  /** Position of the newest snapshot that there is at the start; 0 = none. */
  readonly newest: Position;
  /** Between two snapshots, if anything happened. */
  readonly intervalMs: number;
  /** A snapshot is made earlier when the journal has grown by this much; at most a share of `journalBytesMax`, so that it can be kept. */
  readonly bytesBetween: number;
  readonly clock: Clock;
  readonly log: KeeperLog;
  /** The newest segment has entries so old that it should be ended: it could not leave the journal in time otherwise. */
  readonly onAged?: () => void;
  readonly onSnapshot?: (done: SnapshotDone) => void;
  readonly onProgress?: (progress: KeeperProgress) => void;
  /** Does a request; a thread of its own by default. */
  readonly perform?: Perform | undefined;
}

/** Does one request at a time. `stop` ends it in the middle. */
export interface Perform {
  run(
    setting: KeeperSetting,
    request: KeeperRequest,
    onProgress: (progress: KeeperProgress) => void,
  ): Promise<KeeperDone>;
  stop(): Promise<void>;
}

/** How often it is looked whether a snapshot is due. */
const LOOK_MS = 1000;
/** After a snapshot that failed; doubled with each one that fails after it. */
const BACKOFF_MS = 10_000;
const BACKOFF_MS_MAX = 600_000;
/** Requests that wait. A seal that finds no place is left out: the segment's log stays beside its file, where it is read as well. */
const QUEUE_MAX = 64;
/** The newest segment is ended when it is older than this share of the journal's age. */
const AGED_SHARE = 1 / 8;

interface Waiting {
  readonly request: KeeperRequest;
  readonly resolve: (done: KeeperDone) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The main thread's side of the keeper: says when a snapshot is due and hands one request at a time to a thread of low priority, which ends after it,
 * so that the memory of its replicas goes back to the system. Nothing of it touches the live shards.
 */
export class Keeper {
  /** Of the newest snapshot. */
  position: Position;
  /** Snapshots that were made, and that failed, since the start. */
  snapshots = 0;
  failures = 0;
  /** Why the last snapshot failed; undefined = it did not. */
  problem: string | undefined;
  private readonly options: KeeperOptions;
  private readonly perform: Perform;
  private readonly waiting: Waiting[] = [];
  private running: Promise<void> | undefined;
  private snapshotting: Promise<SnapshotDone> | undefined;
  private bytesAtLast: number;
  private lastAt: number;
  /** No snapshot by itself before this. */
  private notBefore = Number.NEGATIVE_INFINITY;
  private failuresInRow = 0;
  private cancelLook: (() => void) | undefined;
  private closed = false;

  constructor(options: KeeperOptions) {
    this.options = options;
    this.perform = options.perform ?? new KeeperThread();
    this.position = options.newest;
    this.bytesAtLast = options.journalBytes();
    this.lastAt = options.clock.now();
  }

  /** Begins to make snapshots by itself. */
  start(): void {
    this.look();
  }

  /** Whether a snapshot is being made. */
  get busy(): boolean {
    return this.snapshotting !== undefined;
  }

  /**
   * A snapshot of everything that is settled now; the newest one when nothing has happened since. Rejects with a WeirError (ABORTED) while one is
   * being made, and with what went wrong.
   */
  async snapshot(): Promise<Snapshot> {
    if (this.snapshotting !== undefined) {
      throw new WeirError(
        Code.ABORTED,
        "SNAPSHOT_RUNNING",
        "a snapshot is being written; try again when it is done",
        { retryAfterMs: LOOK_MS },
      );
    }
    const { snapshot } = await this.takeSnapshot();
    return snapshot;
  }

  /** The log of a segment that is not written any more goes into its file. Rejects with what went wrong. */
  async seal(path: string): Promise<void> {
    await this.request({ kind: "seal", path });
  }

  /** Puts the journal and the snapshots that are kept into a backup that has the newest one. Rejects with what went wrong. */
  async copyPast(backup: string): Promise<void> {
    await this.request({ kind: "copy", backup });
  }

  /** Writes the state that a slot's detector had at a position that is settled into a file; see export-file.ts. */
  async exportDetector(options: {
    readonly slot: number;
    readonly at: Position;
    readonly file: string;
    readonly about: ExportAbout;
  }): Promise<ExportDone> {
    const done = await this.request({ kind: "export", ...options });
    if (done.kind === "export") return done;
    throw new Error(`the keeper answered ${done.kind} to an export`);
  }

  /** What runs is cut off, what waits is refused: at most a snapshot that is not whole is left, which nobody reads. */
  async close(): Promise<void> {
    this.closed = true;
    this.cancelLook?.();
    for (const { reject } of this.waiting.splice(0)) reject(closing());
    await this.perform.stop();
    await this.running;
  }

  private look(): void {
    if (this.closed) return;
    if (this.isDue()) this.takeSnapshot().catch(() => undefined);
    this.cancelLook = this.options.clock.after(LOOK_MS, () => this.look());
  }

  private isDue(): boolean {
    const { clock, settled, journalBytes, intervalMs } = this.options;
    const now = clock.now();
    if (this.busy || now < this.notBefore || settled() <= this.position) return false;
    if (now - this.lastAt >= intervalMs) return true;
    return journalBytes() - this.bytesAtLast >= this.bytesBetween;
  }

  private get setting(): KeeperSetting {
    const { module, data, shards, memoryBytes } = this.options;
    const { snapshotsKept, journalBytesMax, journalAgeMsMax } = this.options;
    return { module, data, shards, memoryBytes, snapshotsKept, journalBytesMax, journalAgeMsMax };
  }

  private get bytesBetween(): number {
    const { bytesBetween, journalBytesMax, snapshotsKept } = this.options;
    return Math.min(bytesBetween, journalBytesMax / (snapshotsKept + 1));
  }

  private takeSnapshot(): Promise<SnapshotDone> {
    this.snapshotting = this.makeSnapshot().finally(() => {
      this.snapshotting = undefined;
    });
    return this.snapshotting;
  }

  private async makeSnapshot(): Promise<SnapshotDone> {
    const { clock, settled, journalBytes, log } = this.options;
    const until = settled();
    const bytes = journalBytes();
    const startedAt = clock.now();
    let done: KeeperDone;
    try {
      done = await this.request({ kind: "snapshot", until });
      if (done.kind !== "snapshot") throw new Error(`the keeper answered ${done.kind}`);
    } catch (error) {
      if (!this.closed) this.failed(until, error);
      throw error;
    }
    this.lastAt = startedAt;
    this.bytesAtLast = bytes;
    this.succeeded(done, clock.now() - startedAt);
    for (const what of done.damaged)
      log.error({ what }, "a snapshot is damaged; an older one was used");
    return done;
  }

  private succeeded(done: SnapshotDone, ms: number): void {
    const { clock, journalAgeMsMax, log, onAged, onSnapshot } = this.options;
    const { snapshot, rows, shared, removed, segmentsRemoved, newestSegmentSince } = done;
    this.snapshots++;
    this.failuresInRow = 0;
    this.notBefore = Number.NEGATIVE_INFINITY;
    this.problem = undefined;
    this.position = snapshot.position;
    log.info(
      { position: snapshot.position, ms: Math.round(ms), rows, shared, removed, segmentsRemoved },
      "a snapshot was made",
    );
    const since = newestSegmentSince === 0 ? clock.unixMs() : newestSegmentSince;
    if (clock.unixMs() - since > journalAgeMsMax * AGED_SHARE) onAged?.();
    onSnapshot?.(done);
  }

  private failed(until: Position, error: unknown): void {
    const { clock, log } = this.options;
    this.failures++;
    const wait = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** this.failuresInRow++);
    this.notBefore = clock.now() + wait;
    this.problem = error instanceof Error ? error.message : String(error);
    log.error(
      { err: error, position: until, retryInMs: wait },
      "a snapshot could not be made; the journal keeps everything until one can",
    );
  }

  private async request(request: KeeperRequest): Promise<KeeperDone> {
    if (this.closed) throw closing();
    if (this.waiting.length >= QUEUE_MAX) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "QUEUE_FULL",
        `${QUEUE_MAX} requests wait for the keeper, the limit; try again later`,
        { retryAfterMs: LOOK_MS },
      );
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ request, resolve, reject });
      this.running ??= this.work();
    });
  }

  private async work(): Promise<void> {
    const { onProgress = () => undefined } = this.options;
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      const { request, resolve, reject } = next;
      // One after the other, because each may need as much memory as a shard has.
      await this.perform.run(this.setting, request, onProgress).then(resolve, reject);
    }
    this.running = undefined;
  }
}

function closing(): WeirError {
  return new WeirError(Code.UNAVAILABLE, "DRAINING", "the server is shutting down");
}
