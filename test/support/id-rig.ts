import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WeirError } from "../../src/domain/errors.ts";
import type { Verdicts } from "../../src/domain/verdict.ts";
import { createDetector, event, frame, request } from "./core.ts";
import { eventually } from "./eventually.ts";
import { HeldJournal } from "./held-journal.ts";
import { startKept } from "./kept-server.ts";
import type { KeptServer } from "./kept-server.ts";
import { ManualClock } from "./manual-clock.ts";
import { SlowPool } from "./slow-pool.ts";
import { stopWriter } from "./stop-writer.ts";

/** Of an answer that waits as long as it takes, and of one that does not; ms. */
export const Budget = { long: 60_000, short: 10 } as const;

export interface Sent {
  verdicts?: Verdicts;
  error?: WeirError;
  cancel(): void;
}

/** How an event is sent. */
export interface Sending {
  readonly id: string;
  readonly key?: string;
  /** Of its input; others than the first time make no difference. */
  readonly value?: number;
  readonly timeoutMs?: number;
  readonly packed?: boolean;
}

/** A server whose steps and commits a test holds back, with every durable verdict that its clients got. */
export class IdRig {
  readonly clock = new ManualClock();
  /** By id: score and source. */
  readonly durable = new Map<string, Set<string>>();
  private readonly directories: string[] = [];
  private server: KeptServer | undefined;
  private slowPool: SlowPool | undefined;
  private held: HeldJournal | undefined;

  static async start(spec: object): Promise<IdRig> {
    const rig = new IdRig();
    await rig.open(rig.directory());
    await createDetector(rig.core, "d", { inputs: [{ name: "a" }], ...spec });
    return rig;
  }

  get core(): KeptServer["core"] {
    return given(this.server).core;
  }

  get pool(): SlowPool {
    return given(this.slowPool);
  }

  get journal(): HeldJournal {
    return given(this.held);
  }

  get state(): KeptServer["state"] {
    return given(this.server).state;
  }

  send({ id, key = "k", value = 0.5, timeoutMs = Budget.long, packed = false }: Sending): Sent {
    const numbers = { a: value };
    const rows = packed
      ? { frame: { ...frame([[value]], [key]), ids: [id] } }
      : { events: [event({ id, key, numbers })] };
    const sent: Sent = { cancel: () => ticket.cancel() };
    const call = {
      receivedAt: this.clock.now(),
      deadline: Number.POSITIVE_INFINITY,
      transport: "grpc_stream",
      traceparent: undefined,
    } as const;
    const ticket = this.core.admission.submit(
      request({ detector: "d", timeoutMs, ...rows }),
      call,
      {
        answer: (verdicts) => {
          sent.verdicts = verdicts;
          this.note(id, verdicts);
        },
        fail: (error) => (sent.error = error),
      },
    );
    return sent;
  }

  /** Sends and waits for the answer. */
  async answer(sending: Sending): Promise<Verdicts> {
    const sent = this.send(sending);
    return eventually(() => given(sent.verdicts));
  }

  /** Events of the key that `send` takes, until its model scores. */
  async teach(events = 30): Promise<void> {
    for (let i = 0; i < events; i++) {
      // oxlint-disable-next-line no-await-in-loop -- in their order
      await this.answer({ id: "", value: (i * 0.37) % 1 });
    }
  }

  /** Steps from now on are held when they end; resolves when one is. */
  async stepHeld(): Promise<void> {
    await eventually(() => {
      if (this.pool.held === 0) throw new Error("no step is held");
    });
  }

  /** What arrived is on its way to a step. */
  async turn(): Promise<void> {
    for (let i = 0; i < 4; i++) {
      // oxlint-disable-next-line no-await-in-loop -- one turn of the event loop after the other
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Short budgets end. */
  endBudgets(): void {
    this.clock.advance(Budget.short);
  }

  /** Everything is stepped and on disk. */
  async settle(): Promise<void> {
    this.pool.release();
    this.journal.release();
    await this.core.shards.idle();
    await eventually(() => {
      const { durable, newest } = this.state.journal;
      if (durable < newest) throw new Error("the journal is behind");
    });
  }

  /** The journal fails, what is not on disk is undone, and it goes on. */
  async failJournal(): Promise<void> {
    const { journal } = this.state;
    const fail = await stopWriter(journal);
    fail();
    // The shards go back when their steps are over.
    this.pool.release();
    this.journal.release();
    await eventually(() => {
      if (journal.failed) throw new Error("the journal has not gone on");
    });
  }

  /** The server ends as by kill -9, when what it has given its journal is on disk, and is started again. */
  async crash(): Promise<void> {
    this.journal.release();
    await eventually(() => {
      const { durable, newest } = this.state.journal;
      if (durable < newest) throw new Error("the journal is behind");
    });
    const from = given(this.directories.at(-1));
    const to = this.directory();
    cpSync(from, to, { recursive: true, filter: (path) => !/-shm$|weir\.lock$/.test(path) });
    await this.server?.close();
    await this.open(to);
  }

  async close(): Promise<void> {
    this.pool.release();
    await this.server?.close();
    for (const path of this.directories) rmSync(path, { recursive: true, force: true });
  }

  private directory(): string {
    const path = mkdtempSync(join(tmpdir(), "weir-ids-"));
    this.directories.push(path);
    return path;
  }

  private async open(data: string): Promise<void> {
    this.server = await startKept(data, {
      shards: 1,
      memoryBytes: 32 << 20,
      journal: (journal) => (this.held = new HeldJournal(journal)).journal,
      core: {
        clock: this.clock,
        inlineWorkMax: 0,
        createPool: (options) => (this.slowPool = new SlowPool(options)),
      },
    });
  }

  private note(id: string, { durables, scores, sources }: Verdicts): void {
    if (durables[0] !== 1) return;
    const known = this.durable.get(id) ?? new Set();
    this.durable.set(id, known.add(`${scores[0]} (${sources[0]})`));
  }
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("not there yet");
  return value;
}
