/** A bounded queue; at its bound the oldest item goes. */
export class Ring<T> {
  readonly #itemsMax: number;
  readonly #items: (T | undefined)[] = [];
  #head = 0;
  #size = 0;

  /** `itemsMax` >= 1. Memory grows with use, up to the bound. */
  constructor(itemsMax: number) {
    if (!Number.isInteger(itemsMax) || itemsMax < 1) {
      throw new RangeError(`a ring holds at least one item, not ${itemsMax}`);
    }
    this.#itemsMax = itemsMax;
  }

  get size(): number {
    return this.#size;
  }

  /** False when the oldest item had to go. */
  push(item: T): boolean {
    const full = this.#size === this.#itemsMax;
    this.#items[(this.#head + this.#size) % this.#itemsMax] = item;
    if (full) this.#head = (this.#head + 1) % this.#itemsMax;
    else this.#size++;
    return !full;
  }

  /** The oldest item, which leaves. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#itemsMax;
    this.#size--;
    return item;
  }
}
