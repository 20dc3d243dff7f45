import { Code, WeirError } from "../../domain/errors.ts";

/** A start or a drain takes its time. */
const retryAfterMs = 1_000;

/** Whether work is taken, and how many answers have not left yet. */
export class Gate {
  #state: "warming" | "serving" | "draining" = "warming";
  #open = 0;
  #idle: (() => void) | undefined;

  get state(): "warming" | "serving" | "draining" {
    return this.#state;
  }

  /** Serving that ends is a drain: nothing warms up twice. */
  setServing(serving: boolean): void {
    if (serving) this.#state = "serving";
    else if (this.#state === "serving") this.#state = "draining";
  }

  drain(): void {
    this.#state = "draining";
  }

  /** Throws UNAVAILABLE while no work is taken. */
  check(): void {
    if (this.#state === "serving") return;
    throw this.#state === "warming"
      ? new WeirError(Code.UNAVAILABLE, "WARMING_UP", "the server is starting; try again soon", {
          retryAfterMs,
        })
      : new WeirError(Code.UNAVAILABLE, "DRAINING", "the server is stopping; try another", {
          retryAfterMs,
        });
  }

  /** A request is about to be admitted; `leave` follows exactly once. */
  enter(): void {
    this.#open++;
  }

  leave(): void {
    this.#open--;
    if (this.#open === 0) this.#idle?.();
  }

  /** Resolves when every answer has left. */
  async idle(): Promise<void> {
    if (this.#open === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }
}
