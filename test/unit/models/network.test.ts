import { beforeAll, describe, expect, test } from "vitest";
import { createMemory } from "../../../src/shard/module.ts";
import { mulberry, normal } from "../../kernel.ts";
import { KernelPart } from "../../support/kernel-part.ts";

const memory = createMemory(16 << 20);
let part: KernelPart;
const call = (name: string, ...values: readonly number[]): number =>
  part.call(name, ...values) >>> 0;

beforeAll(async () => {
  part = await KernelPart.make(
    `import { layOut, layerAt, Network, trainBatch } from "./model/network";
     import { beginWork, work } from "./model/work";
     import { seedRandom } from "./rng";
     export function make(batch: u32, middle: u32, activation: u32, batchNorm: u32, rate: f64): u32 {
       beginWork(2 << 20);
       seedRandom(11, 0);
       const network = changetype<Network>(work(offsetof<Network>()));
       const sizes = work(16);
       store<u32>(sizes, 3);
       store<u32>(sizes, middle, 4);
       store<u32>(sizes, 9, 8);
       store<u32>(sizes, 3, 12);
       network.batch = batch;
       network.activation = activation;
       network.batchNorm = batchNorm;
       network.dropout = 0;
       network.rate = rate;
       network.decay = 0.01;
       layOut(network, sizes, 3);
       return changetype<u32>(network);
     }
     export function step(network: u32): void { trainBatch(changetype<Network>(network)); }
     export function size(network: u32): u32 { return changetype<Network>(network).size; }
     export function parameters(network: u32): u32 { return changetype<Network>(network).parameters; }
     export function gradient(network: u32): u32 { return changetype<Network>(network).gradient; }
     export function input(network: u32): u32 { return layerAt(changetype<Network>(network), 0).input; }
     export function output(network: u32): u32 { return layerAt(changetype<Network>(network), 2).linear; }`,
    memory,
  );
});

const floats = (at: number, length: number): Float32Array =>
  new Float32Array(memory.buffer, at, length);

/** A network and a batch at its input, rows of 8 floats of which 3 count. */
function networkOf(batch: number, activation: number, norm: number, rate: number): number {
  const network = call("make", batch, 5, activation, norm, rate);
  const random = mulberry(batch);
  const rows = floats(call("input", network), batch * 8);
  for (let r = 0; r < batch; r++) for (let c = 0; c < 3; c++) rows[8 * r + c] = normal(random);
  return network;
}

/** Mean squared error of the batch, as the last step left it. */
function loss(network: number, batch: number): number {
  const rows = floats(call("input", network), batch * 8);
  const out = floats(call("output", network), batch * 8);
  let sum = 0;
  for (let r = 0; r < batch; r++) {
    for (let c = 0; c < 3; c++) sum += ((out[8 * r + c] ?? 0) - (rows[8 * r + c] ?? 0)) ** 2;
  }
  return sum / (batch * 3);
}

const shapes = [
  ["relu", 0, 1],
  ["tanh", 1, 1],
  ["sigmoid", 2, 1],
  ["tanh", 1, 0],
] as const;

describe.each(shapes)("a network with %s (%i), normalisation %i", (_name, activation, norm) => {
  test.each([6, 13])("has the gradient of its loss, batches of %i", (batch) => {
    const network = networkOf(batch, activation, norm, 0);
    call("step", network);
    const size = call("size", network);
    const gradient = floats(call("gradient", network), size).slice();
    const parameters = floats(call("parameters", network), size);
    const start = parameters.slice();
    const largest = Math.max(...gradient.map(Math.abs));
    expect(largest).toBeGreaterThan(0.01);
    // relu bends: a smaller step crosses fewer bends, and costs digits.
    const reach = activation === 0 ? 1e-3 : 1e-2;
    let off = 0;
    let checked = 0;
    for (let i = 0; i < size; i++) {
      const value = start[i] ?? 0;
      if (value === 0 && gradient[i] === 0) continue;
      const sides = [value + reach, value - reach].map((moved) => {
        parameters[i] = moved;
        call("step", network);
        return loss(network, batch);
      });
      parameters[i] = value;
      const slope = ((sides[0] ?? 0) - (sides[1] ?? 0)) / (2 * reach);
      off = Math.max(off, Math.abs(slope - (gradient[i] ?? 0)));
      checked++;
    }
    expect(checked).toBeGreaterThan(90);
    expect(off).toBeLessThan(0.01 * largest);
  });

  test("steps as Adam does", () => {
    const rate = 0.01;
    const network = networkOf(8, activation, norm, rate);
    const size = call("size", network);
    const parameters = floats(call("parameters", network), size);
    const mine = Array.from(parameters);
    const first = mine.map(() => 0);
    const second = mine.map(() => 0);
    for (let step = 1; step <= 20; step++) {
      const before = loss(network, 8);
      call("step", network);
      if (step > 1) expect(loss(network, 8)).toBeLessThan(before + 0.1);
      const gradient = floats(call("gradient", network), size);
      for (let i = 0; i < size; i++) {
        const slope = (gradient[i] ?? 0) + 0.01 * (mine[i] ?? 0);
        first[i] = 0.9 * (first[i] ?? 0) + 0.1 * slope;
        second[i] = 0.999 * (second[i] ?? 0) + 0.001 * slope * slope;
        const mean = (first[i] ?? 0) / (1 - 0.9 ** step);
        const root = Math.sqrt((second[i] ?? 0) / (1 - 0.999 ** step));
        mine[i] = (mine[i] ?? 0) - (rate * mean) / (root + 1e-8);
      }
    }
    // A bias before a normalisation has no gradient but rounding, which Adam blows up.
    const apart = Array.from(parameters, (value, i) => Math.abs(value - (mine[i] ?? 0)));
    expect(Math.max(...apart)).toBeLessThan(2e-4);
  });
});
