import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { OptionsError } from "../config/options-error.ts";
import { detectorBlock } from "../control/detector-block.ts";
import type { Detector } from "../domain/detector.ts";
import { Batch } from "./batch.ts";
import { openCheckpoint, removeCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import type { Counts, Identity } from "./checkpoint.ts";
import { Engine, loadKernel, type EngineCounters } from "./engine.ts";
import { openReader, openWriter, type Format } from "./formats.ts";
import { OutputFile } from "./output-file.ts";
import type { OutputWriter } from "./output.ts";
import { absentInputs, columnsToRead, planColumns, type ColumnOptions } from "./plan.ts";
import { RowFault, type Block, type Reader } from "./rows.ts";
import { RowStager } from "./stage-row.ts";

export interface DeriveOptions {
  readonly detector: Detector;
  readonly columns: ColumnOptions;
  readonly input: { readonly path: string; readonly format: Format };
  readonly output: { readonly path: string; readonly format: Format };
  /** Of CSV: one ASCII character. */
  readonly delimiter: string;
  /** Path of the compiled kernel. */
  readonly kernelPath: string;
  readonly resume: boolean;
  /** What becomes of a row that cannot be taken. */
  readonly onError: "fail" | "skip";
  /** At least so long between two checkpoints; 0 = one after every block. */
  readonly checkpointMs: number;
  /** Stops the run, which a later one can then resume. */
  readonly signal: AbortSignal;
  /** After every block: how far the file is read, 0..1, and rows so far. */
  readonly progress: (done: number, rows: number) => void;
  /** Something that a user should know of the run. */
  readonly notice: (what: string) => void;
  /** A row that was left out. */
  readonly skipped: (why: string) => void;
}

export interface Outcome extends Counts {
  /** False = it was stopped; the output is not there yet. */
  readonly finished: boolean;
  /** Rows that an earlier run had done; 0 = none. */
  readonly resumedAt: number;
  readonly engine: EngineCounters;
}

/** A checkpoint takes at most a tenth of the time. */
const CHECKPOINT_SHARE = 10;

/** Reads events in file order, derives the features of each with the kernel that serves them, and writes them. */
export async function deriveFile(options: DeriveOptions): Promise<Outcome> {
  const { detector, input, output, columns } = options;
  const kernel = await loadKernel(options.kernelPath);
  const identity = identityOf(options, kernel.digest);
  const checkpoint = options.resume ? openCheckpoint(output.path, identity) : undefined;
  const progress = checkpoint?.progress;
  const reader = await openReader(input.format, {
    path: input.path,
    columns: columnsToRead(columns, detector),
    from: progress?.input,
    delimiter: options.delimiter,
  });
  try {
    const plan = planColumns(columns, detector, reader);
    const absent = absentInputs(plan, detector, reader);
    if (absent !== undefined) options.notice(absent);
    if (options.resume && checkpoint === undefined) {
      options.notice("there is nothing to resume: it starts at the first row");
    }
    const engine = new Engine(detector, kernel.module, checkpoint?.restore);
    const file = openOutput(output.path, progress?.output);
    const writer = openWriter(output.format, file, plan.output, progress?.pending);
    const stager = new RowStager(engine.runtime, plan);
    if (progress !== undefined) stager.arrivalMs = progress.counts.arrivalMs;
    else removeCheckpoint(output.path);
    const run = new Run(options, {
      identity,
      reader,
      engine,
      file,
      writer,
      batch: new Batch({ engine, stager, plan, columns }, writer),
      counts: progress?.counts,
    });
    return await run.all();
  } finally {
    reader.close();
  }
}

interface Parts {
  readonly identity: Identity;
  readonly reader: Reader;
  readonly engine: Engine;
  readonly file: OutputFile;
  readonly writer: OutputWriter;
  readonly batch: Batch;
  /** Of the run that goes on. */
  readonly counts: Counts | undefined;
}

class Run {
  private checkpointAt: number;
  private saved: boolean;
  private skippedRows: number;
  private readonly options: DeriveOptions;
  private readonly parts: Parts;

  constructor(options: DeriveOptions, parts: Parts) {
    this.options = options;
    this.parts = parts;
    this.saved = parts.counts !== undefined;
    this.skippedRows = parts.counts?.skipped ?? 0;
    if (parts.counts !== undefined) parts.batch.goOn(parts.counts);
    this.checkpointAt = performance.now() + options.checkpointMs;
  }

  async all(): Promise<Outcome> {
    const { file, reader, writer, engine, batch } = this.parts;
    const { signal, output, progress } = this.options;
    try {
      for (;;) {
        const block = await reader.next(engine.rowsMax);
        if (block === undefined) break;
        this.take(block);
        progress(reader.done, batch.rows);
        // The signal, and whoever draws the progress, get a turn.
        await nextTurn();
        if (signal.aborted) {
          this.save();
          file.abandon(true);
          return this.outcome(false);
        }
        if (performance.now() >= this.checkpointAt) this.save();
      }
      writer.finish();
      file.finish();
      removeCheckpoint(output.path);
      return this.outcome(true);
    } catch (thrown) {
      file.abandon(this.saved);
      if (!(thrown instanceof RowFault)) throw thrown;
      throw new OptionsError(this.explain(thrown), 1, thrown);
    }
  }

  private take(block: Block): void {
    const { batch } = this.parts;
    for (let row = 0; row < block.rows; row++) {
      if (batch.isFull) this.flush(block);
      try {
        const fault = block.faults.get(row);
        if (fault !== undefined) throw fault;
        batch.add(block, row);
      } catch (thrown) {
        if (!(thrown instanceof RowFault)) throw thrown;
        this.leaveOut(`${block.where(row)}: ${thrown.message}`);
      }
    }
    this.flush(block);
  }

  private flush(block: Block): void {
    for (const { row, message } of this.parts.batch.flush()) {
      this.leaveOut(`${block.where(row)}: ${message}`);
    }
  }

  private leaveOut(why: string): void {
    const { onError, skipped } = this.options;
    if (onError === "fail") {
      throw new RowFault(`${why}\nLeave such rows out with --on-error=skip.`);
    }
    this.skippedRows++;
    skipped(why);
  }

  private explain({ message }: RowFault): string {
    const { input, output } = this.options;
    const goOn = this.saved
      ? `\nWhat was done before is kept beside ${output.path}: go on with --resume.`
      : "";
    return `${input.path}, ${message}${goOn}`;
  }

  private save(): void {
    const started = performance.now();
    const { identity, reader, file, writer, engine } = this.parts;
    const { output, checkpointMs } = this.options;
    const progress = {
      identity,
      input: reader.position(),
      output: file.mark(),
      pending: writer.state(),
      counts: this.counts(),
    };
    saveCheckpoint(output.path, progress, engine.memory);
    this.saved = true;
    const now = performance.now();
    const pause = checkpointMs === 0 ? 0 : CHECKPOINT_SHARE * (now - started);
    this.checkpointAt = now + Math.max(checkpointMs, pause);
  }

  private counts(): Counts {
    return { ...this.parts.batch.counts(), skipped: this.skippedRows };
  }

  private outcome(finished: boolean): Outcome {
    const resumedAt = this.parts.counts?.rows ?? 0;
    return { ...this.counts(), finished, resumedAt, engine: this.parts.engine.counters() };
  }
}

function openOutput(path: string, mark: ConstructorParameters<typeof OutputFile>[1]): OutputFile {
  try {
    return new OutputFile(path, mark);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new OptionsError(`cannot write ${path}: ${why}`, 1, thrown);
  }
}

/** What must be the same for a run to go on, in words that follow "changed since". */
function identityOf(options: DeriveOptions, kernel: string): Identity {
  const { detector, columns, input, output, delimiter } = options;
  const names = detector.config.inputs.map(({ name, type, missing, defaultValue }) => [
    name,
    type,
    missing,
    String(defaultValue),
  ]);
  const features = detector.config.features.map(({ name }) => name);
  const block = detectorBlock(detector);
  return {
    "weir itself": kernel,
    "the detector": createHash("sha256")
      .update(new Uint8Array(block.buffer, block.byteOffset, block.byteLength))
      .update(JSON.stringify([names, features]))
      .digest("hex"),
    "the input": fingerprint(input.path),
    "an option": JSON.stringify([columns, input.format, output.format, delimiter]),
  };
}

const SAMPLE_BYTES = 1 << 16;

/** Of a file: its size and a checksum of its beginning and its end. */
function fingerprint(path: string): string {
  const fd = openSync(path, "r");
  try {
    const { size } = fstatSync(fd);
    const sample = Buffer.alloc(SAMPLE_BYTES);
    const first = crc32(sample.subarray(0, readSync(fd, sample, 0, SAMPLE_BYTES, 0)));
    const from = Math.max(0, size - SAMPLE_BYTES);
    const last = crc32(sample.subarray(0, readSync(fd, sample, 0, SAMPLE_BYTES, from)));
    return `${size}-${first}-${last}`;
  } finally {
    closeSync(fd);
  }
}
