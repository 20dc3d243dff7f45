import { checkText, refuseText } from "../admission/stage-events.ts";
import { FLAG, Staged } from "../admission/staged.ts";
import { takeNumber } from "../admission/take-number.ts";
import type { DetectorRuntime } from "../admission/runtime.ts";
import { Violations } from "../admission/violations.ts";
import { limits } from "../config/limits.ts";
import type { Input } from "../domain/detector.ts";
import { WeirError } from "../domain/errors.ts";
import { categoryCode } from "../features/category-code.ts";
import { KeyHash, encodeText } from "../shard/key-hash.ts";
import type { EngineRow } from "./engine.ts";
import type { Plan } from "./plan.ts";
import { RowFault, type Block } from "./rows.ts";

const field = (_row: number, input: Input): string => `column ${input.name}`;

/** Makes a row of a file one that the kernel takes, by the rules and with the code of admission. One row at a time. */
export class RowStager implements EngineRow {
  readonly key = new Uint8Array(limits.keyBytesMax);
  keyLength = 0;
  hashLo = 0;
  hashHi = 0;
  flags = 0;
  timeMs = 0;
  /** As the last row's, before `stage`: time never goes back. */
  arrivalMs = Number.NEGATIVE_INFINITY;
  readonly from = 0;
  keyText = "";
  private readonly staged = new Staged();
  private readonly hash = new KeyHash();
  private violations = new Violations();
  /** Whether the last row was taken. */
  private isClean = true;
  private readonly runtime: DetectorRuntime;
  private readonly plan: Plan;

  constructor(runtime: DetectorRuntime, plan: Plan) {
    this.runtime = runtime;
    this.plan = plan;
    this.staged.begin(1, 1, runtime.sources.length, runtime.defaultedBytes);
  }

  get values(): Float64Array {
    return this.staged.values;
  }

  /** Throws a RowFault when the row cannot be taken; then nothing has changed but what the next `stage` overwrites. */
  stage(block: Block, row: number): void {
    const { staged } = this;
    if (!this.isClean) this.violations = new Violations();
    this.isClean = false;
    if (staged.anyDefaulted) {
      staged.defaulted.fill(0);
      staged.anyDefaulted = false;
    }
    staged.flags[0] = 0;
    this.stageKey(block, row);
    for (const [i, input] of this.runtime.detector.config.inputs.entries()) {
      const column = this.plan.inputs[i] ?? -1;
      if (input.type === "number") this.stageNumber(input, block, row, column);
      else this.stageCategory(input, block, row, column);
    }
    this.stageAction(block, row);
    this.check();
    this.flags = staged.flags[0] ?? 0;
    this.stageTimes(block, row);
    this.isClean = true;
  }

  /** Names of the inputs that took their default. */
  defaultedInputs(): readonly string[] {
    const { anyDefaulted, defaulted } = this.staged;
    if (!anyDefaulted) return [];
    return this.runtime.detector.config.inputs
      .filter(({ position }) => (((defaulted[position >>> 3] ?? 0) >>> (position & 7)) & 1) === 1)
      .map(({ name }) => name);
  }

  private stageKey(block: Block, row: number): void {
    const key = block.text(row, this.plan.key);
    if (key === undefined) throw new RowFault("has no key; expected a text, or a whole number");
    const length = encodeText(key, this.key, 0, limits.keyBytesMax);
    if (length < 0) {
      refuseText(length, "the key", this.violations, "KEY_TOO_LONG", limits.keyBytesMax);
      return;
    }
    this.hash.of(this.key, 0, length);
    this.keyText = key;
    this.keyLength = length;
    this.hashLo = this.hash.lo;
    this.hashHi = this.hash.hi;
  }

  // oxlint-disable-next-line max-params -- one cell
  private stageNumber(input: Input, block: Block, row: number, column: number): void {
    const isSource = (this.runtime.sourceOf[input.column] ?? -1) >= 0;
    // What only rules read may be absent from a file.
    if (column < 0 && !isSource) return;
    const value = column < 0 ? Number.NaN : block.number(row, column);
    takeNumber(this.runtime, input, value, {
      row: 0,
      field,
      staged: this.staged,
      violations: this.violations,
    });
  }

  // oxlint-disable-next-line max-params -- one cell
  private stageCategory(input: Input, block: Block, row: number, column: number): void {
    const { staged, violations } = this;
    const source = this.runtime.codeOf[input.column] ?? -1;
    if (column < 0 && source < 0) return;
    const text = column < 0 ? undefined : block.text(row, column);
    if (text === undefined) {
      if (source >= 0) staged.values[source] = Number.NaN;
      if (input.missing !== "refuse") return;
      violations.add("MISSING_INPUT", field(0, input), "is missing, and the detector requires it");
      return;
    }
    const isText = checkText(text, field(0, input), limits.categoryBytesMax, violations);
    if (source >= 0 && isText) staged.values[source] = categoryCode(text);
  }

  private stageAction(block: Block, row: number): void {
    if (this.plan.systemAction < 0) return;
    const action = block.text(row, this.plan.systemAction);
    if (action === undefined || action === "") return;
    this.staged.flags[0] = (this.staged.flags[0] ?? 0) | FLAG.systemAction;
  }

  private stageTimes(block: Block, row: number): void {
    const { plan } = this;
    const time = block.timeMs(row, plan.time);
    if (plan.arrival < 0) {
      if (Number.isNaN(time)) throw new RowFault("has no time; expected Unix ms or ISO 8601");
      this.timeMs = time;
      this.arrivalMs = Math.max(this.arrivalMs, time);
      return;
    }
    const arrival = block.timeMs(row, plan.arrival);
    if (Number.isNaN(arrival)) throw new RowFault("has no arrival; expected Unix ms or ISO 8601");
    if (arrival < this.arrivalMs) {
      throw new RowFault(
        `arrived at ${new Date(arrival).toISOString()}, before the row above it (${new Date(this.arrivalMs).toISOString()}); expected rows in the order of their arrival: sort the file by that column`,
      );
    }
    this.arrivalMs = arrival;
    // As in a request, a time of 0 or none is that of the arrival.
    this.timeMs = Number.isNaN(time) || time === 0 ? arrival : time;
  }

  private check(): void {
    try {
      this.violations.throwIfAny();
    } catch (thrown) {
      throw thrown instanceof WeirError ? new RowFault(thrown.message) : thrown;
    }
  }
}
