import type { Answered, Position } from "../../shard/journal.ts";
import { verdictIn } from "../../shard/packed-rows.ts";
import type { ModelVerdict } from "../../shard/packed-rows.ts";
import { decodeAnswers, Kind } from "../journal/entry.ts";
import type { Entry } from "../journal/entry.ts";

/** So long after a batch the journal is searched for what clients got from the fallback. */
const ANSWERS_WITHIN_MS = 5000;
/** Verdicts that wait for their batch, bytes; beyond it answers are found only as far ahead as that. */
const BYTES_MAX = 128 * 1024 * 1024;
/** Where the verdicts begin in a VERDICTS entry. */
const VERDICTS_AT = 8;

/** Of a shard, those that are done with are cut off so many at a time. */
const CUT = 1024;

interface Waiting {
  readonly of: Position;
  readonly packed: Uint8Array;
}

/** Of one shard, in the order of batches. */
interface Queue {
  /** Index of the oldest one that is not done with. */
  first: number;
  readonly all: Waiting[];
}

/** Reads ahead for what became of batches live: their VERDICTS, and ANSWERS of their rows, which lie behind them. In bounded memory. */
export class LookAhead {
  private readonly entries: Iterator<Entry>;
  private ended = false;
  /** Of the newest entry read, Unix ms. */
  private readTo = 0;
  private bytes = 0;
  private readonly waiting = new Map<number, Queue>();
  private readonly answers = new Map<Position, Map<number, Answered>>();
  private packed: Uint8Array | undefined;
  private answered: ReadonlyMap<number, Answered> | undefined;

  /** @param entries VERDICTS and ANSWERS from the first batch on that is asked for */
  constructor(entries: Iterable<Entry>) {
    this.entries = entries[Symbol.iterator]();
  }

  /** `live` and `answer` are of this batch from now on; batches come in the order of the journal. */
  goTo({ position, shard, unixMs }: Entry): void {
    let verdicts = this.verdictsOf(shard, position);
    while (!this.ended && this.bytes < BYTES_MAX) {
      if (verdicts !== undefined && this.readTo > unixMs + ANSWERS_WITHIN_MS) break;
      this.pull();
      verdicts = this.verdictsOf(shard, position);
    }
    // Those of a later batch of the shard: this one has none.
    this.packed = verdicts?.of === position ? verdicts.packed : undefined;
    this.answered = this.answers.get(position);
    for (const at of this.answers.keys()) {
      if (at > position) break;
      this.answers.delete(at);
    }
  }

  live(row: number): ModelVerdict | undefined {
    return this.packed === undefined ? undefined : verdictIn(this.packed, row);
  }

  answer(row: number): Answered | undefined {
    return this.answered?.get(row);
  }

  close(): void {
    this.entries.return?.();
    this.ended = true;
  }

  /** The shard's oldest verdicts that are not older than a batch. */
  private verdictsOf(shard: number, position: Position): Waiting | undefined {
    const queue = this.waiting.get(shard);
    if (queue === undefined) return undefined;
    for (;;) {
      const head = queue.all[queue.first];
      if (head === undefined || head.of >= position) return head;
      this.bytes -= head.packed.length;
      queue.first++;
      if (queue.first < CUT) continue;
      queue.all.splice(0, CUT);
      queue.first = 0;
    }
  }

  private pull(): void {
    const next = this.entries.next();
    if (next.done === true) {
      this.ended = true;
      return;
    }
    const { kind, shard, body, unixMs } = next.value;
    this.readTo = unixMs;
    if (kind === Kind.VERDICTS) {
      const of = new DataView(body.buffer, body.byteOffset, body.byteLength).getFloat64(0, true);
      const queue = this.waiting.get(shard);
      const one = { of, packed: body.subarray(VERDICTS_AT) };
      if (queue === undefined) this.waiting.set(shard, { first: 0, all: [one] });
      else queue.all.push(one);
      this.bytes += one.packed.length;
    } else if (kind === Kind.ANSWERS) {
      for (const each of decodeAnswers(body)) {
        const rows = this.answers.get(each.position);
        if (rows === undefined) this.answers.set(each.position, new Map([[each.row, each]]));
        else rows.set(each.row, each);
      }
    }
  }
}
