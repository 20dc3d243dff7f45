import type { Admission } from "../admission/admission.ts";
import { describeSpec } from "../config/describe-spec.ts";
import { CategoryEncoding } from "../discovery/row-encoding.ts";
import type { Detector, RowEncoding } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { encoderState } from "../encode/state.ts";
import type { EncoderState } from "../encode/state.ts";
import type { Position } from "../shard/journal.ts";
import { recall } from "../shard/recall.ts";
import type { OpenExport } from "../state/keeper/export-file.ts";
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

/** A detector as it was at a position. */
interface Was {
  readonly detector: Detector;
  readonly position: Position;
  /** What its encoding had learned; undefined = it encodes nothing. */
  readonly encoding: EncoderState | undefined;
}

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

  /** The detector as it is now. */
  now(detector: Detector): Was {
    const { encoding } = detector;
    return { detector, position: this.lineages.newest, encoding: encoding?.state() };
  }

  /** Writes the state of a version, behind everything else. */
  keep(was: Was, record: VersionRecord): void {
    const { workshop } = this.options;
    const writing = this.write(was, record).then(() =>
      workshop.change(() => this.prune(was.detector.name)),
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
    // What is on its way to the shards is encoded already.
    const { encoding } = this.now(old);
    const retired = (async (): Promise<void> => {
      // Rows that were admitted to it before are its own.
      await passed;
      record.events = shards.counters(old.slot).events;
      this.lineages.byName.get(old.name)?.retire(old.slot, this.lineages.newest);
      await this.write({ detector: old, position: this.lineages.newest, encoding }, record);
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

  /**
   * A detector with the state that a version had, found by nobody, and how far that state is. `goesOn` = it is to be given what came since, whose rows
   * are encoded as the live one's; else its own are as they were then.
   */
  async load(
    live: Detector,
    record: VersionRecord,
    goesOn: boolean,
  ): Promise<{ readonly detector: Detector; readonly position: Position }> {
    const { store } = this.options;
    const { file } = record;
    if (store === undefined || file === undefined) throw cannotGoBack(live, record);
    let opened: OpenExport | undefined;
    try {
      opened = store.open(file);
      const { position } = opened.header;
      const encoding = goesOn ? live.encoding : this.encodingIn(opened, live, record);
      return { detector: await this.restore(opened, live, { record, encoding }), position };
    } catch (error) {
      if (error instanceof WeirError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      record.problem = `its state cannot be read: ${why}`;
      throw cannotGoBack(live, record);
    } finally {
      opened?.close();
    }
  }

  private encodingIn(
    { header }: OpenExport,
    live: Detector,
    { config }: VersionRecord,
  ): RowEncoding | undefined {
    if (header.encoding === undefined) return undefined;
    const state = encoderState.parse(header.encoding);
    return CategoryEncoding.restore(this.options.workshop.sketch(live, config), state);
  }

  private async restore(
    opened: OpenExport,
    { name }: Detector,
    given: { readonly record: VersionRecord; readonly encoding: RowEncoding | undefined },
  ): Promise<Detector> {
    const { workshop, shards } = this.options;
    const { encoding, record } = given;
    const { version, config } = record;
    if (opened.header.shards !== shards.shards.length) {
      throw new Error(`it is of ${opened.header.shards} shards, not ${shards.shards.length}`);
    }
    const detector = await workshop.make(name, config, { version, encoding });
    try {
      for (const { shard, bytes } of opened.parts()) {
        // oxlint-disable-next-line no-await-in-loop -- in their order, each between two batches
        await shards.changes.change(shard, { kind: "import", slot: detector.slot, part: bytes });
      }
    } catch (error) {
      await workshop.unmake(detector);
      throw error;
    }
    await this.recallKeys(detector);
    return detector;
  }

  /** Where a detector refuses new keys, admission knows those that there are. */
  async recallKeys(detector: Detector): Promise<void> {
    const runtime = this.options.admission.runtimeOf(detector);
    if (runtime.ledger === undefined) return;
    await this.options.shards.passed(({ views }, kernel) => {
      runtime.recall(recall([{ kernel, views }], detector.slot));
    });
  }

  private async write(was: Was, record: VersionRecord): Promise<void> {
    const { store, log } = this.options;
    const { position, encoding } = was;
    const { name, slot } = was.detector;
    const { version, config } = record;
    if (store === undefined) {
      record.problem = NO_STORE;
      return;
    }
    record.problem = BEING_WRITTEN;
    const file = stateFileOf(name, version);
    try {
      const encoded = was.detector.encoding?.columns;
      const codes = encoding === undefined || encoded === undefined ? {} : { encoded, encoding };
      const about = { name, version, spec: describeSpec(config), ...codes };
      await store.write({ slot, at: position, file, about });
      record.file = file;
      record.problem = "";
      log.info({ detector: name, version, position }, "the state of a version was kept");
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
