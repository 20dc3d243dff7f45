/** Why something about fitted models was refused; the message is a sentence for people. */
export type FittedReason =
  | "invalid" // what was sent does not fit
  | "not_fitted" // no such model in memory or on disk
  | "no_file"
  | "unreadable" // a file that is damaged, or no model
  | "too_large" // more rows, columns or numbers than a request may have
  | "too_many"; // files in the directory, or numbers that wait

export class FittedError extends Error {
  override readonly name = "FittedError";
  readonly reason: FittedReason;

  constructor(reason: FittedReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}
