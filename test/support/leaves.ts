import { FeatureField, FeatureNumber, Group, NeedBits } from "../../src/shard/feature-program.ts";
import { createMemory } from "../../src/shard/module.ts";
import { KernelPart } from "./kernel-part.ts";

const SOURCE = `
import * as it from "./feature/aggregate";
import { Feature, Group } from "./feature/program";
import * as moments from "./feature/moments";

function group(at: u32): Group { return changetype<Group>(at); }

export function bytes(g: u32, capacity: u32, isPane: bool): u32 { return it.aggregateBytes(group(g), capacity, isPane); }
export function clear(g: u32, at: u32, capacity: u32, isPane: bool): void { it.aggregateClear(group(g), at, capacity, isPane); }
export function add(g: u32, at: u32, time: f64, value: f64): void { it.aggregateAdd(group(g), at, time, value); }
export function insert(g: u32, at: u32, time: f64, value: f64): void { it.aggregateInsert(group(g), at, time, value); }
export function remove(g: u32, at: u32, time: f64, value: f64): bool { return it.aggregateRemove(group(g), at, time, value); }
export function merge(g: u32, into: u32, from: u32): void { it.aggregateMerge(group(g), into, from); }
export function grow(g: u32, to: u32, capacity: u32, from: u32): void { it.aggregateGrow(group(g), to, capacity, from); }
export function count(at: u32): u32 { return it.aggregateCount(at); }
export function isSound(g: u32, at: u32, capacity: u32, isPane: bool): bool {
  return it.isAggregateSound(group(g), at, capacity, isPane);
}
export function value(g: u32, feature: u32, at: u32, time: f64, own: f64, start: f64): f64 {
  return it.aggregateValue(group(g), changetype<Feature>(feature), at, time, own, start);
}

/** A window of the last \`length\` of \`size\` values, taken round and round, \`steps\` steps on from \`from\`. */
export function slide(at: u32, values: u32, size: u32, length: u32, from: u32, steps: u32): u32 {
  let renewed: u32 = 0;
  if (from == 0) moments.momentsClear(at);
  for (let i = from; i < from + steps; i++) {
    moments.momentsAdd(at, load<f64>(values + ((i % size) << 3)));
    if (i < length) continue;
    if (!moments.momentsRemove(at, load<f64>(values + (((i - length) % size) << 3)))) continue;
    moments.momentsClear(at);
    for (let j = i - length + 1; j <= i; j++) moments.momentsAdd(at, load<f64>(values + ((j % size) << 3)));
    renewed++;
  }
  return renewed;
}
export function addAll(at: u32, values: u32, size: u32): void {
  moments.momentsClear(at);
  for (let i: u32 = 0; i < size; i++) moments.momentsAdd(at, load<f64>(values + (i << 3)));
}
export function mergeMoments(at: u32, from: u32): void { moments.momentsMerge(at, from); }
export function sum(at: u32): f64 { return moments.momentsSum(at); }
export function mean(at: u32): f64 { return moments.momentsMean(at); }
export function variance(at: u32): f64 { return moments.momentsVariance(at); }
`;

const GROUP_AT = 1 << 20;
const FEATURE_AT = GROUP_AT + 1024;
const FIRST = GROUP_AT + 4096;
const MEMORY_BYTES = 64 << 20;

export type FeatureName = keyof typeof FeatureNumber;

export interface LeavesGroup {
  readonly needs: readonly (keyof typeof NeedBits)[];
  /** WindowNumber; sliding. */
  readonly window?: number;
  readonly size?: number;
  readonly lags?: number;
  readonly sequence?: number;
}

export interface Asked {
  readonly time?: number;
  readonly own?: number;
  readonly start?: number;
  readonly parameter?: number;
  readonly category?: number;
}

/** Aggregates of one group, in a memory of their own. */
export class Leaves {
  readonly memory: WebAssembly.Memory;
  private readonly part: KernelPart;
  private top = FIRST;

  private constructor(part: KernelPart) {
    this.part = part;
    this.memory = part.memory;
  }

  static async make(): Promise<Leaves> {
    return new Leaves(await KernelPart.make(SOURCE, createMemory(MEMORY_BYTES)));
  }

  call(name: string, ...values: readonly number[]): number {
    return this.part.call(name, ...values);
  }

  floats(at: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, at, length);
  }

  /** Forgets all aggregates; those made from now on are of this group. */
  begin(group: LeavesGroup): void {
    this.top = FIRST;
    const block = this.floats(GROUP_AT, Group.length).fill(0);
    block[Group.window] = group.window ?? 1;
    block[Group.size] = group.size ?? 1000;
    block[Group.needs] = group.needs.reduce((sum, need) => sum + NeedBits[need], 0);
    block[Group.lags] = group.lags ?? 0;
    block[Group.sequence] = group.sequence ?? 0;
  }

  /** Bytes of memory, which hold what whoever had them before has left. */
  room(bytes: number): number {
    const at = this.top;
    this.top += (bytes + 15) & ~15;
    return at;
  }

  exact(capacity: number): Leaf {
    return this.leaf(capacity, false);
  }

  pane(): Leaf {
    return this.leaf(0, true);
  }

  private leaf(capacity: number, isPane: boolean): Leaf {
    const at = this.room(this.call("bytes", GROUP_AT, capacity, isPane ? 1 : 0));
    this.call("clear", GROUP_AT, at, capacity, isPane ? 1 : 0);
    return new Leaf(this, at, capacity, isPane);
  }
}

export class Leaf {
  readonly at: number;
  private readonly leaves: Leaves;
  private readonly capacity: number;
  private readonly isPane: boolean;

  constructor(leaves: Leaves, at: number, capacity: number, isPane: boolean) {
    this.leaves = leaves;
    this.at = at;
    this.capacity = capacity;
    this.isPane = isPane;
  }

  get count(): number {
    return this.leaves.call("count", this.at);
  }

  get bytes(): number {
    return this.leaves.call("bytes", GROUP_AT, this.capacity, this.isPane ? 1 : 0);
  }

  get isSound(): boolean {
    return this.leaves.call("isSound", GROUP_AT, this.at, this.capacity, this.isPane ? 1 : 0) === 1;
  }

  clear(): void {
    this.leaves.call("clear", GROUP_AT, this.at, this.capacity, this.isPane ? 1 : 0);
  }

  add(time: number, value: number): void {
    this.leaves.call("add", GROUP_AT, this.at, time, value);
  }

  insert(time: number, value: number): void {
    this.leaves.call("insert", GROUP_AT, this.at, time, value);
  }

  /** @returns whether it is worn */
  remove(time: number, value: number): boolean {
    return this.leaves.call("remove", GROUP_AT, this.at, time, value) === 1;
  }

  merge(from: Leaf): void {
    this.leaves.call("merge", GROUP_AT, this.at, from.at);
  }

  grown(capacity: number): Leaf {
    const to = this.leaves.exact(capacity);
    this.leaves.call("grow", GROUP_AT, to.at, capacity, this.at);
    return to;
  }

  /** Its bytes somewhere else. */
  moved(): Leaf {
    const to = this.leaves.room(this.bytes);
    new Uint8Array(this.leaves.memory.buffer).copyWithin(to, this.at, this.at + this.bytes);
    return new Leaf(this.leaves, to, this.capacity, this.isPane);
  }

  value(kind: FeatureName, asked: Asked = {}): number {
    const block = this.leaves.floats(FEATURE_AT, FeatureField.length).fill(0);
    block[FeatureField.kind] = FeatureNumber[kind];
    block[FeatureField.parameter] = asked.parameter ?? 0;
    block[FeatureField.category] = asked.category ?? Number.NaN;
    const { time = 0, own = Number.NaN, start = 0 } = asked;
    return this.leaves.call("value", GROUP_AT, FEATURE_AT, this.at, time, own, start);
  }
}
