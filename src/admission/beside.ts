import type { Detector } from "../domain/detector.ts";
import type { Mode, ScoreRequest } from "../domain/event.ts";
import type { EncodedRows } from "./encode-rows.ts";
import type { VerdictObserver } from "./pending.ts";
import type { DetectorRuntime } from "./runtime.ts";
import type { CallContext, Reply, Ticket } from "./scorer.ts";
import type { Staged } from "./staged.ts";

/** A request whose rows were just placed. */
export interface Admitted {
  readonly request: ScoreRequest;
  /** Of the detector that it was admitted to. */
  readonly runtime: DetectorRuntime;
  readonly mode: Mode;
  readonly rows: number;
  /** Unix ms. */
  readonly arrivalMs: number;
  /** clock.now(). */
  readonly now: number;
  /** The detector's sequence before its first row. */
  readonly sequence: number;
  /** The rows; until the call returns. */
  readonly staged: Staged;
  /** Undefined = the detector encodes no categories. */
  readonly encoded: EncodedRows | undefined;
}

/** A request to one detector, and what others want of it. */
export interface Submission {
  readonly runtime: DetectorRuntime;
  readonly request: ScoreRequest;
  readonly call: CallContext;
  readonly reply: Reply;
  /** Told what the model says of each row. */
  readonly observer?: VerdictObserver | undefined;
  /** Whether the client gets this detector's verdict of a row: others raise no alert and count nowhere. Absent = all of them. */
  readonly answers?: ((row: number) => boolean) | undefined;
  /** Whether the detector is the shadow of the one that was asked for. */
  readonly shadows?: boolean | undefined;
  /** Unix ms, of a request that was admitted to another before in the same turn; absent = now. */
  readonly arrivalMs?: number | undefined;
  /** Told when the rows are placed, before any of them is stepped. */
  readonly placed?: ((admitted: Admitted) => void) | undefined;
  /** The request's categories, where another detector's submission has them encoded; absent = they are encoded here. */
  readonly encoded?: EncodedRows | undefined;
  /** The shards are not woken: another submission follows in the same turn, or the caller wakes them. */
  readonly quiet?: boolean | undefined;
}

/** A submission whose rows were just placed. */
export interface PlacedTicket extends Ticket {
  /** Its client gets its verdicts of all rows, whatever `answers` said; before the turn is over. */
  answerAll(): void;
}

/** Whoever sees the requests to a detector beside it. */
export interface Beside {
  /** Submits the request, to the detector by `alone` and to whom else it concerns; throws as `alone` does for the detector itself. */
  submit(submission: Submission, alone: (submission: Submission) => PlacedTicket): Ticket;
}

/** Who sees which detectors' requests. */
export interface Besides {
  /** Undefined = nobody. */
  of(detector: Detector): Beside | undefined;
  /** Throws for a detector that answers nobody. */
  checkAnswers(detector: Detector): void;
}
