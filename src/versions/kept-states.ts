import type { Admission } from "../admission/admission.ts";
import { describeSpec } from "../config/describe-spec.ts";
import type { Detector } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import type { Position } from "../shard/journal.ts";
import { recall } from "../shard/recall.ts";
import type { VersionRecord } from "./lineage.ts";
import type { Lineages, LineagesOptions } from "./lineages.ts";
import { stateFileOf } from "./version-store.ts";

export interface KeptStatesOptions extends LineagesOptions {
  readonly admission: Pick<Admission, "runtimeOf">;
  /** Versions of a detector that can be gone back to. */
  readonly kept: number;
  readonly log: {
    info(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

export const BEING_WRITTEN = "its state is being written";
const NO_STORE = "its state is not on disk: durability is none";

/** The states of versions that do not answer any more: into files, and out of them. */
export class KeptStates {
  private readonly options: KeptStatesOptions;
  private readonly lineages: Lineages;
  private readonly exports = new Set<Promise<void>>();
  private closed = false;

  constructor(options: KeptStatesOptions, lineages: Lineages) {
    this.options = options;
    this.lineages = lineages;
  }

  /** Resolves when what is on its way to the disk is there. */
  async settled(): Promise<void> {
    await Promise.all(this.exports);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.settled();
  }

  /** Writes the state of a version that a slot had at a position, behind everything else. */
  keep(was: Detector, record: VersionRecord, at: Position): void {
    const { workshop } = this.options;
    const writing = this.write(was, record, at).then(() =>
      workshop.change(() => this.prune(was.name)),
    );
    const settled = writing.catch((error: unknown) => {
      if (!this.closed) this.options.log.error({ err: error }, "a version could not be put away");
    });
    this.exports.add(settled);
    void settled.finally(() => this.exports.delete(settled));
  }

  /** What answered until now goes: its state into a file, and then from the shards. */
  retire(old: Detector, record: VersionRecord): void {
    const { shards, workshop } = this.options;
    const passed = shards.passed();
    const retired = (async (): Promise<void> => {
      // Rows that were admitted to it before are its own.
      await passed;
      this.lineages.byName.get(old.name)?.retire(old.slot, this.lineages.newest);
      await this.write(old, record, this.lineages.newest);
      await workshop.change(async () => {
        await workshop.unmake(old);
        await this.prune(old.name);
      });
    })().catch((error: unknown) => {
      if (!this.closed) this.options.log.error({ err: error }, "a version could not be put away");
    });
    record.problem = BEING_WRITTEN;
    this.exports.add(retired);
    void retired.finally(() => this.exports.delete(retired));
  }

  /** A detector with the state that a version had, found by nobody, and how far that state is. */
  async load(
    live: Detector,
    record: VersionRecord,
  ): Promise<{ readonly detector: Detector; readonly position: Position }> {
    const { workshop, shards, store } = this.options;
    const { version, config, file } = record;
    if (store === undefined || file === undefined) throw cannotGoBack(live, record);
    const detector = await workshop.make(live.name, config, version);
    let position: Position;
    try {
      const opened = store.open(file);
      try {
        if (opened.header.shards !== shards.shards.length) {
          throw new Error(`it is of ${opened.header.shards} shards, not ${shards.shards.length}`);
        }
        position = opened.header.position;
        for (const { shard, bytes } of opened.parts()) {
          // oxlint-disable-next-line no-await-in-loop -- in their order, each between two batches
          await shards.changes.change(shard, { kind: "import", slot: detector.slot, part: bytes });
        }
      } finally {
        opened.close();
      }
    } catch (error) {
      await workshop.unmake(detector);
      if (error instanceof WeirError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      record.problem = `its state cannot be read: ${why}`;
      throw cannotGoBack(live, record);
    }
    await this.recallKeys(detector);
    return { detector, position };
  }

  /** Where a detector refuses new keys, admission knows those that there are. */
  async recallKeys(detector: Detector): Promise<void> {
    const runtime = this.options.admission.runtimeOf(detector);
    if (runtime.ledger === undefined) return;
    await this.options.shards.passed(({ views }, kernel) => {
      runtime.recall(recall([{ kernel, views }], detector.slot));
    });
  }

  private async write(was: Detector, record: VersionRecord, at: Position): Promise<void> {
    const { store, log } = this.options;
    const { name, slot } = was;
    const { version, config } = record;
    if (store === undefined) {
      record.problem = NO_STORE;
      return;
    }
    if (was.encoding !== undefined) {
      record.problem = "what its rows taught the encoding of categories is not kept by version";
      return;
    }
    record.problem = BEING_WRITTEN;
    const file = stateFileOf(name, version);
    try {
      await store.write({ slot, at, file, about: { name, version, spec: describeSpec(config) } });
      record.file = file;
      record.problem = "";
      log.info({ detector: name, version, position: at }, "the state of a version was kept");
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      record.problem = `its state could not be written: ${why}`;
      log.error({ err: error, detector: name, version }, "the state of a version was not kept");
    }
  }

  /** Only the last versions are kept. */
  private async prune(name: string): Promise<void> {
    const { kept, store, workshop } = this.options;
    const lineage = this.lineages.byName.get(name);
    if (lineage === undefined) return;
    for (const record of lineage.kept.slice(0, Math.max(0, lineage.kept.length - kept))) {
      lineage.remove(record);
      if (record.file !== undefined) store?.remove(record.file);
    }
    if (workshop.find(name) !== undefined) await workshop.save();
  }
}

export function cannotGoBack({ name }: Detector, { version, problem }: VersionRecord): WeirError {
  const why = problem === "" ? "its state is not kept" : problem;
  return new WeirError(
    Code.FAILED_PRECONDITION,
    "UNKNOWN_VERSION",
    `detector "${name}" cannot go back to version ${version}: ${why}`,
  );
}
