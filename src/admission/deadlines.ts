import type { Clock } from "../domain/clock.ts";

/** Something that must have happened by an instant. The links belong to Deadlines. */
export interface Due {
  /** clock.now() at which it is due. */
  readonly deadline: number;
  expire(): void;
  previousDue: Due | undefined;
  nextDue: Due | undefined;
}

/**
 * Budgets of all requests in flight: a wheel with a list a millisecond, so that adding and removing cost the same however many
 * there are, and one timer for the earliest. What is due expires up to a millisecond early, so that an answer is late only by
 * what the timer and the event loop are late.
 */
export class Deadlines {
  private readonly wheel = new Map<number, Due>();
  private earliest = Number.POSITIVE_INFINITY;
  private cancelTimer: (() => void) | undefined;

  private readonly clock: Clock;
  private readonly failed: (error: unknown) => void;

  /** `failed` hears what an `expire` threw: the others expire all the same. */
  constructor(clock: Clock, failed: (error: unknown) => void) {
    this.clock = clock;
    this.failed = failed;
  }

  add(due: Due): void {
    const slot = Math.floor(due.deadline);
    const head = this.wheel.get(slot);
    due.previousDue = undefined;
    due.nextDue = head;
    if (head !== undefined) head.previousDue = due;
    this.wheel.set(slot, due);
    if (slot < this.earliest) this.arm(slot);
  }

  remove(due: Due): void {
    const { previousDue, nextDue } = due;
    if (nextDue !== undefined) nextDue.previousDue = previousDue;
    if (previousDue !== undefined) {
      previousDue.nextDue = nextDue;
    } else {
      const slot = Math.floor(due.deadline);
      if (this.wheel.get(slot) !== due) return;
      if (nextDue === undefined) this.wheel.delete(slot);
      else this.wheel.set(slot, nextDue);
    }
    due.previousDue = undefined;
    due.nextDue = undefined;
  }

  private arm(slot: number): void {
    this.cancelTimer?.();
    this.earliest = slot;
    this.cancelTimer = this.clock.after(Math.max(0, slot - this.clock.now()), () => this.fire());
  }

  private fire(): void {
    const now = this.clock.now();
    const expired: Due[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [slot, head] of this.wheel) {
      if (slot > now) {
        if (slot < next) next = slot;
        continue;
      }
      this.wheel.delete(slot);
      for (let due: Due | undefined = head; due !== undefined; due = due.nextDue) expired.push(due);
    }
    this.earliest = Number.POSITIVE_INFINITY;
    this.cancelTimer = undefined;
    if (Number.isFinite(next)) this.arm(next);
    for (const due of expired) {
      due.previousDue = undefined;
      due.nextDue = undefined;
    }
    for (const due of expired) {
      try {
        due.expire();
      } catch (error) {
        this.failed(error);
      }
    }
  }
}
