/** Something that is done in parts. */
export interface InParts {
  /** Begins its next part; `Turns.end` follows when that is over. Never throws. */
  goOn(): void;
}

/** Lets one at a time do a part, in turn: however many there are, what goes on beside them waits for one part. */
export class Turns {
  private current: InParts | undefined;
  private readonly waiting: InParts[] = [];

  /** Whether it is `one`'s turn now; else it goes on when it is. */
  take(one: InParts): boolean {
    if (this.current !== undefined) {
      this.waiting.push(one);
      return false;
    }
    this.current = one;
    return true;
  }

  /** `one`'s part is over, or it wants no more turns. */
  end(one: InParts): void {
    const at = this.waiting.indexOf(one);
    if (at >= 0) this.waiting.splice(at, 1);
    if (this.current !== one) return;
    this.current = this.waiting.shift();
    this.current?.goOn();
  }
}
