import type { Position } from "../../shard/journal.ts";

type Done = (durable: boolean) => void;

/** Callbacks by position, called in the order of positions, those of one position in the order in which they came. */
export class DurableWaiters {
  private positions: Position[] = [];
  private callbacks: (Done | undefined)[] = [];
  /** What is in front of it was called. */
  private first = 0;

  get size(): number {
    return this.callbacks.length - this.first;
  }

  add(position: Position, done: Done): void {
    const last = this.positions.at(-1) ?? 0;
    if (position >= last || this.size === 0) {
      this.positions.push(position);
      this.callbacks.push(done);
      return;
    }
    // Rare: whoever waits mostly waits for the newest entry.
    let at = this.positions.length;
    while (at > this.first && (this.positions[at - 1] ?? 0) > position) at--;
    this.positions.splice(at, 0, position);
    this.callbacks.splice(at, 0, done);
  }

  /** Calls back those up to `position`. */
  reached(position: Position): void {
    while (this.first < this.callbacks.length && (this.positions[this.first] ?? 0) <= position) {
      this.callNext(true);
    }
    this.compact();
  }

  /** Calls back all that are there now: it will not happen. */
  failed(): void {
    for (let { size } = this; size > 0; size--) this.callNext(false);
    this.compact();
  }

  private callNext(durable: boolean): void {
    const done = this.callbacks[this.first];
    this.callbacks[this.first] = undefined;
    this.first++;
    done?.(durable);
  }

  private compact(): void {
    if (this.first === this.callbacks.length) {
      this.positions.length = 0;
      this.callbacks.length = 0;
      this.first = 0;
    } else if (this.first > 1024 && this.first * 2 > this.callbacks.length) {
      this.positions.splice(0, this.first);
      this.callbacks.splice(0, this.first);
      this.first = 0;
    }
  }
}
