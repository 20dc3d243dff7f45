import type { Position } from "../../shard/journal.ts";

/** The journal is not what was written. */
export class JournalDamage extends Error {
  readonly path: string;
  /** The first one that cannot be trusted; entries before it were checked. */
  readonly position: Position;
  readonly what: string;

  constructor(path: string, position: Position, what: string) {
    super(`the journal is damaged at position ${position}: ${path}: ${what}`);
    this.name = "JournalDamage";
    this.path = path;
    this.position = position;
    this.what = what;
  }
}

/** A segment that is sound for all one knows, and cannot be opened: by this user, or in this place. */
export class UnreadableJournal extends Error {
  override readonly name = "UnreadableJournal";
}

/** A segment of a format that this version does not know. */
export class NewerJournal extends Error {
  constructor(path: string, format: number, known: number) {
    super(
      `${path} has format ${format}; this version of Weir reads format ${known}: start the newer version that wrote it`,
    );
    this.name = "NewerJournal";
  }
}
