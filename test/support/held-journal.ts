import type { Position } from "../../src/shard/journal.ts";
import type { Journal } from "../../src/state/journal/journal.ts";

type Waiter = readonly [position: Position, done: (durable: boolean) => void];

/** A journal of which nobody hears what comes to the disk while it is held. */
export class HeldJournal {
  /** In its place. */
  readonly journal: Journal;
  private readonly real: Journal;
  private heldAt: Position | undefined;
  private waiting: Waiter[] = [];

  constructor(real: Journal) {
    this.real = real;
    this.journal = new Proxy(real, {
      get: (target, name): unknown => {
        if (name === "durable") return Math.min(target.durable, this.heldAt ?? Infinity);
        if (name === "whenDurable") return (...waiter: Waiter) => this.whenDurable(...waiter);
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      },
      set: (target, name, value) => Reflect.set(target, name, value),
    });
  }

  hold(): void {
    this.heldAt ??= this.real.durable;
  }

  release(): void {
    this.heldAt = undefined;
    for (const waiter of this.waiting.splice(0)) this.real.whenDurable(...waiter);
  }

  private whenDurable(...waiter: Waiter): void {
    if (this.heldAt !== undefined && waiter[0] > this.heldAt) this.waiting.push(waiter);
    else this.real.whenDurable(...waiter);
  }
}
