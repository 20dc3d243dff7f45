import type { Clock } from "../../src/domain/clock.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that only moves when it is told to, and then fires every timer at its very instant. */
export class ManualClock implements Clock {
  private time = 1000;
  private timers: Timer[] = [];

  now(): number {
    return this.time;
  }

  unixMs(): number {
    return 1_700_000_000_000 + Math.floor(this.time);
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.time + delayMs, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((each) => each !== timer);
    };
  }

  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const [next] = this.timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.timers = this.timers.filter((each) => each !== next);
      this.time = Math.max(this.time, next.at);
      next.callback();
    }
    this.time = end;
  }

  /** Delays, from now, of the timers that wait; ascending. */
  get waiting(): readonly number[] {
    return this.timers.map(({ at }) => at - this.time).toSorted((a, b) => a - b);
  }
}
