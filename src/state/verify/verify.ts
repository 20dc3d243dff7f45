import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { normalizeSpec } from "../../config/detector-spec.ts";
import { journalBytes } from "../journal/segments.ts";
import { EXPORT_SUFFIX, readExport } from "../keeper/export-file.ts";
import { journalIn } from "../replay/restore-shard.ts";
import type { Snapshot } from "../snapshot/format.ts";
import { snapshotsIn } from "../snapshot/snapshots.ts";
import { isObject } from "../snapshot/text-file.ts";
import { messageOf } from "./finding.ts";
import type { Finding, Found } from "./finding.ts";
import { verifyDeep } from "./verify-deep.ts";
import { verifyJournal } from "./verify-journal.ts";
import { fileBytes, snapshotBytes, verifySnapshots, verifyTogether } from "./verify-snapshots.ts";

export type { Finding } from "./finding.ts";

export interface VerifyOptions {
  /** The data directory. A server may be using it: nothing is changed, and what is being written is no error. */
  readonly data: string;
  /** The kernel to replay the journal with, and to compare with every snapshot bit for bit; absent = that is not done. */
  readonly deep?: WebAssembly.Module;
}

const DETECTORS_FILE = "detectors.json";
const DETECTORS_FORMAT = 1;
/** Parts of the way: reading, and replaying where it is asked for. */
const READING_SHARE = 0.2;

/**
 * Reads everything in a data directory, and says of each file whether it is as it was written, one at a time. Blocks while it reads: for a process or a
 * thread of its own. Throws the system's own errors, and an Error when there is no such directory.
 */
export function* verifyState({ data, deep }: VerifyOptions): Generator<Finding, void> {
  if (!existsSync(data)) {
    throw new Error(`there is no directory ${data}: give the one that the server's --data names`);
  }
  if (!statSync(data).isDirectory()) {
    throw new Error(`${data} is a file: give the directory that it is in, and it is read, too`);
  }
  const sound: Snapshot[] = [];
  const reading = new Progress(0, deep === undefined ? 1 : READING_SHARE, bytesOf(data));
  for (const found of verifyRead(data, sound)) yield reading.finding(found);
  if (deep === undefined) return;
  // A shard's way through the journal each, and that of the process.
  const ways = (sound[0]?.manifest.shards.length ?? 1) + 1;
  const replaying = new Progress(READING_SHARE, 1, (sound[0]?.position ?? 1) * ways);
  const replayed = verifyDeep({ module: deep, journal: journalIn(data), snapshots: sound });
  for (const found of replayed) yield replaying.finding(found);
}

/** What can be told by reading alone. Snapshots that are sound go into `sound`, the newest first. */
function* verifyRead(data: string, sound: Snapshot[]): Generator<Found, void> {
  yield* verifyFiles(data);
  yield* verifyJournal(journalIn(data));
  yield* verifySnapshots(snapshotsIn(data), sound);
  yield* verifyTogether(journalIn(data), sound);
}

function bytesOf(data: string): number {
  return (
    journalBytes(journalIn(data)) +
    snapshotBytes(snapshotsIn(data)) +
    fileBytes(join(data, DETECTORS_FILE))
  );
}

class Progress {
  private done = 0;
  private readonly from: number;
  private readonly to: number;
  private readonly all: number;

  constructor(from: number, to: number, all: number) {
    this.from = from;
    this.to = to;
    this.all = Math.max(1, all);
  }

  finding({ what, problem, work, note }: Found): Finding {
    this.done += work;
    const share = Math.min(1, this.done / this.all);
    const progress = this.from + (this.to - this.from) * share;
    return { what, sound: problem === "", note: note === true, problem, progress };
  }
}

/** What lies in the directory itself. */
function* verifyFiles(data: string): Generator<Found, void> {
  const path = join(data, DETECTORS_FILE);
  if (existsSync(path)) {
    yield { what: DETECTORS_FILE, problem: problemOfDetectors(path), work: fileBytes(path) };
  }
  yield* verifyExports(data, "");
}

function problemOfDetectors(path: string): string {
  try {
    const stored: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (!isObject(stored)) return "it is no object";
    if (stored["format"] !== DETECTORS_FORMAT) {
      return `it is in format ${String(stored["format"])}; this version of Weir reads format ${DETECTORS_FORMAT}`;
    }
    const { detectors } = stored;
    if (!isObject(detectors)) return "it has no detectors";
    for (const [name, spec] of Object.entries(detectors)) normalizeSpec(spec, name);
    return "";
  } catch (error) {
    return messageOf(error);
  }
}

/** States of detectors that are kept in files of their own: versions, exports. */
function* verifyExports(data: string, under: string): Generator<Found, void> {
  for (const entry of readdirSync(join(data, under), { withFileTypes: true })) {
    const what = under === "" ? entry.name : `${under}/${entry.name}`;
    if (entry.isDirectory()) {
      if (what !== "journal" && what !== "snapshots") yield* verifyExports(data, what);
    } else if (entry.name.endsWith(EXPORT_SUFFIX)) {
      yield { what, problem: problemOfExport(join(data, what)), work: 0 };
    }
  }
}

function problemOfExport(path: string): string {
  try {
    readExport(path, () => undefined);
    return "";
  } catch (error) {
    return messageOf(error);
  }
}
