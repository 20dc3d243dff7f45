import type { Clock } from "../../src/domain/clock.ts";

/** A clock that a test moves by hand. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #start: number;
  #timers: { at: number; callback: () => void }[] = [];

  constructor(startUnixMs = 1_700_000_000_000) {
    this.#start = startUnixMs;
  }

  now(): number {
    return this.#now;
  }

  unixMs(): number {
    return Math.floor(this.#start + this.#now);
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves on by `ms`, running what is due in order. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= until);
      const next = due.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = until;
  }

  /** Delays, from now, of the timers that wait; ascending. */
  get waiting(): readonly number[] {
    return this.#timers.map((timer) => timer.at - this.#now).toSorted((a, b) => a - b);
  }
}
