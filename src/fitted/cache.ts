/** What is kept, and what it costs. */
interface Kept<T> {
  readonly value: T;
  readonly bytes: number;
}

interface CacheBounds {
  readonly countMax: number;
  readonly bytesMax: number;
}

/** Values by key, bounded in number and bytes: the one used longest ago leaves first. The newest stays whatever its size. */
export class Cache<T> {
  readonly #kept = new Map<string, Kept<T>>();
  readonly #bounds: CacheBounds;
  #bytes = 0;

  constructor(bounds: CacheBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#kept.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Using it makes it the newest. */
  get(key: string): T | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept.value;
  }

  set(key: string, value: T, bytes: number): void {
    this.#remove(key);
    this.#kept.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#kept.keys()) {
      const fits = this.size <= this.#bounds.countMax && this.#bytes <= this.#bounds.bytesMax;
      if (fits || oldest === key) return;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    this.#bytes -= this.#kept.get(key)?.bytes ?? 0;
    this.#kept.delete(key);
  }
}
