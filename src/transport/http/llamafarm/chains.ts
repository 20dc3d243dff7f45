import { limits } from "../../../config/limits.ts";
import { Code, WeirError } from "../../../domain/errors.ts";

interface Chain {
  last: Promise<unknown>;
  waiting: number;
}

const retryAfterMs = 1000;

/** Work that is done in order, name by name, one after the other. */
export class Chains {
  private readonly byName = new Map<string, Chain>();
  /** Of all work that waits or runs. */
  private bytes = 0;

  /** Whether work under this name waits or runs. */
  busy(name: string): boolean {
    return this.byName.has(name);
  }

  /**
   * `bytes` is what the work holds while it waits. RESOURCE_EXHAUSTED, QUEUE_FULL when too much waits under this name, or too many bytes
   * under all names; one alone is always taken.
   */
  async run<T>(name: string, work: () => Promise<T>, bytes = 0): Promise<T> {
    const chain = this.byName.get(name) ?? { last: Promise.resolve(), waiting: 0 };
    if (chain.waiting >= limits.llamafarmQueueMax) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "QUEUE_FULL",
        `${chain.waiting} requests to "${name.slice(0, 128)}" wait for those before them, the limit; try again soon`,
        { retryAfterMs },
      );
    }
    if (this.bytes > 0 && this.bytes + bytes > limits.llamafarmQueueBytesMax) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "QUEUE_FULL",
        `requests of ${this.bytes} bytes wait for those before them, at most ${limits.llamafarmQueueBytesMax} do; try again soon`,
        { retryAfterMs },
      );
    }
    this.byName.set(name, chain);
    this.bytes += bytes;
    chain.waiting++;
    const result = chain.last.then(work);
    chain.last = result.catch(() => undefined);
    try {
      return await result;
    } finally {
      chain.waiting--;
      this.bytes -= bytes;
      if (chain.waiting === 0) this.byName.delete(name);
    }
  }
}
