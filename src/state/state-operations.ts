import { createReadStream } from "node:fs";
import { copyFile, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { randomUUID } from "node:crypto";
import { describeSpec } from "../config/describe-spec.ts";
import type { Detectors } from "../control/detectors.ts";
import type { Operations, SnapshotInfo, StateReport } from "../control/operations.ts";
import { isDiscovering } from "../discovery/discovery.ts";
import type { Detector } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { makeDirectory } from "../domain/make-directory.ts";
import { journalBytes, listSegments } from "./journal/segments.ts";
import { openExport } from "./keeper/export-file.ts";
import type { ExportAbout } from "./keeper/protocol.ts";
import type { Keeping } from "./run-state.ts";
import { disk } from "./snapshot/disk.ts";
import { snapshotName } from "./snapshot/format.ts";
import type { Snapshot } from "./snapshot/format.ts";
import { listSnapshots, snapshotsIn } from "./snapshot/snapshots.ts";

export interface StateOperationsOptions {
  /** The data directory. */
  readonly data: string;
  readonly durability: StateReport["durability"];
  readonly shards: number;
  readonly detectors: Detectors;
  /** The newest entry that is on disk and applied. */
  readonly settled: () => number;
  /** Undefined = nothing is kept. */
  readonly keeping: Keeping | undefined;
}

type OfState = Pick<
  Operations,
  "state" | "createSnapshot" | "listSnapshots" | "backUp" | "exportDetector" | "importDetector"
>;

/** What an operator asks of the state on disk. */
export class StateOperations implements OfState {
  private readonly options: StateOperationsOptions;

  constructor(options: StateOperationsOptions) {
    this.options = options;
  }

  async state(): Promise<StateReport> {
    const { data, durability, keeping, shards } = this.options;
    if (keeping === undefined) return { ...nothingKept, durability, shards };
    const { journal, guard } = keeping;
    const directory = join(data, "journal");
    return {
      durability,
      learning: !journal.failed,
      problem: guard.problem,
      position: journal.newest,
      durablePosition: journal.durable,
      oldestPosition: listSegments(directory)[0]?.first ?? 0,
      journalBytes: journalBytes(directory),
      shards,
      snapshots: await this.listSnapshots(),
    };
  }

  async createSnapshot(): Promise<SnapshotInfo> {
    return infoOf(await this.keeping.keeper.snapshot());
  }

  listSnapshots(): Promise<readonly SnapshotInfo[]> {
    const { data, keeping } = this.options;
    if (keeping === undefined) return Promise.resolve([]);
    const listed = listSnapshots(snapshotsIn(data));
    return Promise.resolve(
      listed.flatMap((each) => (each.problem === undefined ? [infoOf(each)] : [])),
    );
  }

  async backUp(directory: string): Promise<SnapshotInfo> {
    const { keeper } = this.keeping;
    await checkEmpty(directory);
    const snapshot = await keeper.snapshot();
    const into = join(directory, "snapshots", snapshotName(snapshot.position));
    const unfinished = `${into}.new`;
    try {
      await makeDirectory(unfinished);
      for (const name of await readdir(snapshot.path)) {
        // oxlint-disable-next-line no-await-in-loop -- a copy at a time: they share one disk
        await copySynced(join(snapshot.path, name), join(unfinished, name));
      }
      disk.syncDirectory(unfinished);
      await rename(unfinished, into);
      for (const each of [dirname(into), directory]) disk.syncDirectory(each);
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      const why = error instanceof Error ? error.message : String(error);
      throw new WeirError(
        Code.FAILED_PRECONDITION,
        "INVALID_DIRECTORY",
        `directory: the backup could not be written: ${why}`,
        { cause: error },
      );
    }
    return infoOf(snapshot);
  }

  async *exportDetector(name: string): AsyncGenerator<Uint8Array, void> {
    const { data, detectors, settled } = this.options;
    const { keeper } = this.keeping;
    const detector = detectors.get(name);
    if (isDiscovering(detector)) throw nothingLearned(name);
    const directory = join(data, "exports");
    await mkdir(directory, { recursive: true });
    const file = join(directory, `${randomUUID()}.state`);
    try {
      const { slot } = detector;
      await keeper.exportDetector({
        slot,
        at: settled(),
        file,
        about: aboutOf(detectors, detector),
      });
      for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES })) {
        if (chunk instanceof Uint8Array) yield chunk;
      }
    } finally {
      await rm(file, { force: true });
    }
  }

  async importDetector(name: string, chunks: AsyncIterable<Uint8Array>): Promise<Detector> {
    const directory = join(this.options.data, "exports");
    await mkdir(directory, { recursive: true });
    const path = join(directory, `${randomUUID()}.import`);
    try {
      const file = await open(path, "wx");
      try {
        for await (const chunk of chunks) await file.writeFile(chunk);
      } finally {
        await file.close();
      }
      return await this.takeIn(name, path);
    } catch (error) {
      if (error instanceof WeirError) throw error;
      if (!(error instanceof Error) || !error.name.startsWith("Snapshot")) throw error;
      const why = error.message.replaceAll(path, "the export");
      throw WeirError.invalid("DAMAGED", "chunk", why);
    } finally {
      await rm(path, { force: true });
    }
  }

  private takeIn(asked: string, path: string): Promise<Detector> {
    const { detectors, shards } = this.options;
    return detectors.change(async () => {
      const opened = openExport(path);
      try {
        const { header } = opened;
        const name = asked === "" ? header.name : asked;
        if (detectors.find(name) !== undefined) throw exists(name);
        if (header.shards !== shards) throw otherShards(header.shards, shards);
        return await detectors.takeIn(name, header, opened.parts());
      } finally {
        opened.close();
      }
    });
  }

  /** UNIMPLEMENTED where nothing is kept. */
  checkKept(): void {
    void this.keeping;
  }

  private get keeping(): Keeping {
    const { keeping } = this.options;
    if (keeping !== undefined) return keeping;
    throw new WeirError(
      Code.UNIMPLEMENTED,
      "NO_JOURNAL",
      "this server keeps nothing on disk (durability is none); start it with --durability acknowledged or relaxed",
    );
  }
}

function exists(name: string): WeirError {
  return new WeirError(
    Code.ALREADY_EXISTS,
    "DETECTOR_EXISTS",
    `there is a detector "${name}"; delete it first, or import under another name`,
  );
}

function otherShards(written: number, has: number): WeirError {
  return new WeirError(
    Code.FAILED_PRECONDITION,
    "STATE_DIFFERS",
    `the detector was exported from ${written} shards, and this server has ${has}: import into one with --shards ${written}`,
  );
}

const CHUNK_BYTES = 256 * 1024;

const nothingKept = {
  learning: true,
  problem: "",
  position: 0,
  durablePosition: 0,
  oldestPosition: 0,
  journalBytes: 0,
  snapshots: [],
} as const;

/** What an export says of its detector. */
export function aboutOf(
  detectors: Pick<Detectors, "versionOf">,
  { name, config, encoding }: Detector,
): ExportAbout {
  return {
    name,
    version: detectors.versionOf(name),
    spec: describeSpec(config),
    ...(encoding === undefined ? {} : { encoded: encoding.columns, encoding: encoding.state() }),
  };
}

function infoOf({ position, manifest }: Snapshot): SnapshotInfo {
  return {
    position,
    timeUnixMs: manifest.timeUnixMs,
    stateBytes: sum(manifest.shards.map(({ rawBytes }) => rawBytes)),
    fileBytes: sum(manifest.shards.map(({ bytes }) => bytes)) + manifest.process.bytes,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

async function checkEmpty(directory: string): Promise<void> {
  if (!isAbsolute(directory)) {
    throw WeirError.invalid(
      "INVALID_DIRECTORY",
      "directory",
      `${JSON.stringify(directory.slice(0, 200))} is not an absolute path on the server's machine`,
    );
  }
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw WeirError.invalid("INVALID_DIRECTORY", "directory", error.message);
  });
  if (names.length === 0) return;
  throw new WeirError(
    Code.FAILED_PRECONDITION,
    "DIRECTORY_NOT_EMPTY",
    `directory: ${directory} is not empty; a backup needs a directory of its own`,
  );
}

async function copySynced(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const file = await open(to, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function nothingLearned(name: string): WeirError {
  return new WeirError(
    Code.FAILED_PRECONDITION,
    "INPUTS_UNKNOWN",
    `detector "${name}" does not know its inputs yet, so there is no state to export`,
  );
}
