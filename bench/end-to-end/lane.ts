import type { Tally } from "./wire.ts";

/** Told of every answer: `ticket` is the sender's own number; `ok` is false when the request was refused or failed. */
export type Answered = (ticket: number, ok: boolean) => void;

/** One way into a server, opened for one run. */
export interface Lane {
  readonly rowsPerRequest: number;
  readonly tally: Tally;
  onAnswer: Answered;
  /** Sends the next request of the pool. Tickets are whole, and unique among those in flight. */
  send(ticket: number): void;
  /** Ends it; whatever is in flight is given up. */
  close(): Promise<void>;
}
