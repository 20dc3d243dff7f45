import { Code, WeirError, violationsMax } from "../domain/errors.ts";
import type { Reason, Violation } from "../domain/errors.ts";

/** What is wrong with one request, gathered so that its sender sees all of it at once. */
export class Violations {
  private readonly found: Violation[] = [];
  private reason: Reason | undefined;

  /** The first one's reason stands for the request. */
  add(reason: Reason, field: string, message: string): void {
    this.reason ??= reason;
    if (this.found.length < violationsMax) this.found.push({ field, message });
  }

  get full(): boolean {
    return this.found.length >= violationsMax;
  }

  /** Throws INVALID_ARGUMENT when there is any. */
  throwIfAny(): void {
    const [first] = this.found;
    if (first === undefined || this.reason === undefined) return;
    const more = this.found.length > 1 ? ` (and ${this.found.length - 1} more)` : "";
    throw new WeirError(
      Code.INVALID_ARGUMENT,
      this.reason,
      `${first.field}: ${first.message}${more}`,
      { violations: this.found },
    );
  }
}
