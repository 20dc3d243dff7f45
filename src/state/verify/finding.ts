/** What was looked at, and whether it is as it was written. */
export interface Finding {
  /** A file under the data directory, or a stretch of the journal; with what it holds. */
  readonly what: string;
  readonly sound: boolean;
  /** It is nothing that anybody reads: what a start set aside, or a write left that was not finished. `what` says so. */
  readonly note: boolean;
  /** What is wrong, and where; "" = nothing. */
  readonly problem: string;
  /** Of the whole, 0..1. */
  readonly progress: number;
}

/** A finding before it is known how far the whole is. */
export interface Found {
  readonly what: string;
  /** "" = it is sound. */
  readonly problem: string;
  /** Nobody reads it, and `what` says why. */
  readonly note?: true;
  /** Work that it took, in any unit that all of them share. */
  readonly work: number;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether a file was removed while it was looked at, as a server that runs does with what it does not need any more. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** What a start set aside. Its own damage was told then; what is used instead is looked at by itself. */
export function setAsideNote(name: string): Found {
  const what = `${name}: set aside by a start, which could not use it; nobody reads it. Remove it when it is not needed any more`;
  return { what, problem: "", note: true, work: 0 };
}
