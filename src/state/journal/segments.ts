/** What others read of the journal on disk. */
export { JournalDamage, NewerJournal, UnreadableJournal } from "./damage.ts";
export { readDurableMark } from "./durable-mark.ts";
export { removeSegment, syncFile } from "./make-segment.ts";
export { readEntries, readVoids, voidedBy } from "./read-entries.ts";
export { chainAt, journalBytes, listSegments, readingSegment } from "./segment-file.ts";
export type { SegmentInfo } from "./segment-file.ts";
export { inspectTail } from "./wal-tail.ts";
