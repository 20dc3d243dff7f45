import { hash } from "node:crypto";
import { limits } from "../config/limits.ts";

/** Characters that the dictionaries of one encoder may still take, all features together. */
export interface Room {
  characters: number;
}

/** Longer texts are kept by their beginning and a digest, so that they stay apart. */
const textCharsMax = 192;
const digestChars = 32;

/**
 * The distinct texts of one field, numbered from 0 in order of arrival, with how often each was seen. At its bound
 * (`limits.encodingValuesMax` texts, or when the encoder has no room for their characters) further texts stay unknown.
 */
export class Dictionary {
  readonly #numbers = new Map<string, number>();
  readonly #counts: number[] = [];
  readonly #room: Room;
  /** The smallest count, and how many texts have each count: kept up so that the smallest is known without a search. */
  #smallest = 0;
  readonly #textsByCount = new Map<number, number>();
  /** Texts added, unknown ones among them. */
  total = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  get size(): number {
    return this.#numbers.size;
  }

  /** Share of the rarest known text; 0 = there is none. */
  get smallestShare(): number {
    return this.total === 0 ? 0 : this.#smallest / this.total;
  }

  /** A known text's share of all that were added. */
  shareOf(number: number): number {
    return (this.#counts[number] ?? 0) / this.total;
  }

  texts(): string[] {
    return [...this.#numbers.keys()];
  }

  counts(): number[] {
    return [...this.#counts];
  }

  find(text: string): number | undefined {
    return this.#numbers.get(shortened(text));
  }

  /** Counts a text, and remembers it where there is room. */
  add(text: string, times = 1): void {
    this.total += times;
    const key = shortened(text);
    const number = this.#numbers.get(key);
    if (number === undefined) {
      this.#remember(key, times);
      return;
    }
    const before = this.#counts[number] ?? 0;
    this.#counts[number] = before + times;
    this.#move(before, before + times);
  }

  #remember(key: string, times: number): void {
    if (this.size >= limits.encodingValuesMax || this.#room.characters < key.length) return;
    this.#room.characters -= key.length;
    this.#numbers.set(key, this.size);
    this.#counts.push(times);
    this.#textsByCount.set(times, (this.#textsByCount.get(times) ?? 0) + 1);
    if (this.#smallest === 0 || times < this.#smallest) this.#smallest = times;
  }

  #move(from: number, to: number): void {
    const left = (this.#textsByCount.get(from) ?? 1) - 1;
    if (left > 0) this.#textsByCount.set(from, left);
    else this.#textsByCount.delete(from);
    this.#textsByCount.set(to, (this.#textsByCount.get(to) ?? 0) + 1);
    if (left > 0 || from !== this.#smallest) return;
    // By one, as rows come, the next count is the smallest now; a jump has to look.
    this.#smallest = to === from + 1 ? to : Math.min(...this.#textsByCount.keys());
  }
}

function shortened(text: string): string {
  if (text.length <= textCharsMax) return text;
  return `${text.slice(0, textCharsMax - digestChars)}${hash("md5", text)}`;
}
