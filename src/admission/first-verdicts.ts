import type { Verdicts } from "../domain/verdict.ts";

/** The verdict that a client got for an id from the fallback. */
export interface FirstVerdict {
  readonly key: string;
  readonly id: string;
  readonly verdicts: Verdicts;
  readonly row: number;
  /** Whether an amendment is on its way to the shard; else the shard has still to meet the row. */
  amends: boolean;
}

/** Names an id of a key: different pairs have different names. */
export function idName(key: string, id: string): string {
  return `${key.length} ${key}${id}`;
}

/**
 * What was said of a detector's ids that the memory of the shards does not say yet, by `idName`. An id has one verdict that is ever durable: the shard's
 * own, unless a fallback was faster and nobody has, or waits for, the shard's.
 */
export class FirstVerdicts {
  private readonly given = new Map<string, FirstVerdict>();
  /** How many rows in flight have the shard's verdict of an id that another row made. */
  private readonly shared = new Map<string, number>();

  get size(): number {
    return this.given.size;
  }

  get(name: string): FirstVerdict | undefined {
    return this.given.get(name);
  }

  add(first: FirstVerdict): void {
    this.given.set(idName(first.key, first.id), first);
  }

  delete(name: string): void {
    this.given.delete(name);
  }

  share(name: string): void {
    this.shared.set(name, (this.shared.get(name) ?? 0) + 1);
  }

  release(name: string): void {
    const others = (this.shared.get(name) ?? 0) - 1;
    if (others > 0) this.shared.set(name, others);
    else this.shared.delete(name);
  }

  isShared(name: string): boolean {
    return this.shared.has(name);
  }
}
