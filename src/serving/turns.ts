/** Something that is done in parts. */
export interface InParts {
  /** Begins its next part; `Turns.end` follows when that is over. Never throws. */
  goOn(): void;
}

/** Lets one at a time do a part, in turn: however many there are, what goes on beside them waits for one part. */
export class Turns {
  private current: InParts | undefined;
  private readonly waiting: InParts[] = [];
  /** Whether the turn is being passed on: those that end theirs at once do not call each other, however many there are. */
  private isPassing = false;

  /** Whether it is `one`'s turn now; else it goes on when it is. */
  take(one: InParts): boolean {
    if (this.current !== undefined || this.isPassing) {
      this.waiting.push(one);
      return false;
    }
    this.current = one;
    return true;
  }

  /** `one`'s part is over, or it wants no more turns. */
  end(one: InParts): void {
    if (this.current !== one) {
      const at = this.waiting.indexOf(one);
      if (at >= 0) this.waiting.splice(at, 1);
      return;
    }
    this.current = undefined;
    if (this.isPassing) return;
    this.isPassing = true;
    try {
      while (this.current === undefined && this.waiting.length > 0) this.passOn();
    } finally {
      this.isPassing = false;
    }
  }

  private passOn(): void {
    this.current = this.waiting.shift();
    this.current?.goOn();
  }
}
