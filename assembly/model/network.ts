/*
 * A feed-forward network under training, float32: layers of Linear, BatchNorm1d, activation and Dropout, in this order, the last
 * one plain Linear; mean squared error; Adam (Kingma and Ba 2015) with the weight decay in the gradient, all as PyTorch has them.
 *
 * All parameters lie in one vector, layer by layer: weights (input width x width) | bias | scale of the normalisation | its shift,
 * `width` each, and so do gradients and both moments. Widths are rounded up to multiples of 8, and what pads them stays 0.
 */
import { nextRandom, randomBelow } from "../rng";
import { activate, ACTIVATION_SIGMOID, activationSlope } from "./activation";
import { multiply, pad8, transpose } from "./dense";
import { work, zeroedWork } from "./work";

const NORM_EPSILON: f32 = 1e-5;
const NORM_MOMENTUM: f32 = 0.1;
const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const ADAM_EPSILON: f32 = 1e-8;

@unmanaged
export class Layer {
  inputs: u32; // 0
  outputs: u32;
  inputWidth: u32; // 8
  width: u32;
  isHidden: u32; // 16
  /** First of the layer's floats in the vector of parameters. */
  first: u32;
  /** Addresses of floats, batch x inputWidth and batch x width. */
  input: u32; // 24
  linear: u32;
  normal: u32; // 32
  active: u32;
  mask: u32; // 40
  /** The gradient of what comes out, then of what `linear` holds. */
  slope: u32;
  /** `width` floats each: of the batch, and the running ones that scoring uses. */
  inverse: u32; // 48
  runningMean: u32;
  runningVariance: u32; // 56
  padding: u32;
}

@unmanaged
export class Network {
  layers: u32; // 0
  count: u32;
  /** Rows of a batch. */
  batch: u32; // 8
  /** Floats of all parameters. */
  size: u32;
  parameters: u32; // 16
  gradient: u32;
  moment1: u32; // 24
  moment2: u32;
  /** Room for a transposed matrix. */
  turned: u32; // 32
  /** State of the dropout's generator, 16 bytes. */
  lanes: u32;
  activation: u32; // 40
  batchNorm: u32;
  dropout: f64; // 48
  rate: f64; // 56
  decay: f64; // 64
  /** beta^steps */
  power1: f64; // 72
  power2: f64; // 80
}

export function layerAt(network: Network, index: u32): Layer {
  return changetype<Layer>(network.layers + index * offsetof<Layer>());
}

export function weightsOf(network: Network, layer: Layer): u32 {
  return network.parameters + (layer.first << 2);
}

export function biasOf(network: Network, layer: Layer): u32 {
  return weightsOf(network, layer) + ((layer.inputWidth * layer.width) << 2);
}

/** Scale of the normalisation; its shift lies behind it. */
export function normOf(network: Network, layer: Layer): u32 {
  return biasOf(network, layer) + (layer.width << 2);
}

/** Lays out a network of `count` layers with these sizes (u32, count + 1 of them), which the caller has given its settings. */
export function layOut(network: Network, sizes: u32, count: u32): void {
  const rows = ((network.batch + 3) & ~3) as u64;
  network.count = count;
  network.layers = zeroedWork((count as u64) * (offsetof<Layer>() as u64));
  let first: u64 = 0;
  let turned: u64 = 0;
  let input = zeroedWork(rows * (pad8(load<u32>(sizes)) as u64) * 4);
  for (let l: u32 = 0; l < count; l++) {
    const layer = layerAt(network, l);
    layer.inputs = load<u32>(sizes + (l << 2));
    layer.outputs = load<u32>(sizes + (l << 2), 4);
    layer.inputWidth = pad8(layer.inputs);
    layer.width = pad8(layer.outputs);
    layer.isHidden = l + 1 < count ? 1 : 0;
    layer.first = first as u32;
    const weights = (layer.inputWidth as u64) * (layer.width as u64);
    first += weights + 3 * (layer.width as u64);
    const floats = rows * (layer.width as u64) * 4;
    layer.input = input;
    layer.linear = zeroedWork(floats);
    layer.normal = zeroedWork(floats);
    layer.active = zeroedWork(floats);
    layer.mask = zeroedWork(floats);
    layer.slope = zeroedWork(floats);
    input = zeroedWork(floats);
    layer.inverse = zeroedWork((layer.width as u64) << 2);
    layer.runningMean = zeroedWork((layer.width as u64) << 2);
    layer.runningVariance = zeroedWork((layer.width as u64) << 2);
    const largest = Math.max(weights as f64, (rows * (layer.inputWidth as u64)) as f64) as u64;
    if (largest > turned) turned = largest;
  }
  network.size = first as u32;
  network.parameters = zeroedWork(first * 4);
  network.gradient = zeroedWork(first * 4);
  network.moment1 = zeroedWork(first * 4);
  network.moment2 = zeroedWork(first * 4);
  network.turned = zeroedWork(turned * 4);
  network.lanes = work(16);
  network.power1 = 1;
  network.power2 = 1;
  for (let l: u32 = 0; l < count; l++) draw(network, layerAt(network, l));
  for (let lane: u32 = 0; lane < 4; lane++) {
    store<u32>(network.lanes + (lane << 2), randomBelow(0xffffffff) + 1);
  }
}

/** PyTorch's start: uniform within +-sqrt(6 / inputs) (hidden) or +-1 / sqrt(inputs) (last layer, and every bias). */
function draw(network: Network, layer: Layer): void {
  const inputs = layer.inputs as f64;
  const bound = layer.isHidden != 0 ? Math.sqrt(6 / inputs) : 1 / Math.sqrt(inputs);
  const weights = weightsOf(network, layer);
  for (let o: u32 = 0; o < layer.outputs; o++) {
    for (let i: u32 = 0; i < layer.inputs; i++) {
      const value = (2 * nextRandom() - 1) * bound;
      store<f32>(weights + ((i * layer.width + o) << 2), value as f32);
    }
    const value = (2 * nextRandom() - 1) / Math.sqrt(inputs);
    store<f32>(biasOf(network, layer) + (o << 2), value as f32);
    if (layer.isHidden != 0 && network.batchNorm != 0) {
      store<f32>(normOf(network, layer) + (o << 2), 1);
      store<f32>(layer.runningVariance + (o << 2), 1);
    }
  }
}

/** One optimiser step on the batch at the first layer's input. */
export function trainBatch(network: Network): void {
  const rows = (network.batch + 3) & ~3;
  for (let l: u32 = 0; l < network.count; l++) {
    const layer = layerAt(network, l);
    const weights = weightsOf(network, layer);
    const bias = biasOf(network, layer);
    const width = layer.width;
    const out = layer.linear;
    multiply(layer.input, layer.inputWidth, weights, bias, out, rows, layer.inputs, width);
    if (layer.isHidden != 0) hide(network, layer, layerAt(network, l + 1).input);
  }
  const last = layerAt(network, network.count - 1);
  const target = layerAt(network, 0).input;
  const factor = f32x4.splat(2 / ((network.batch * last.outputs) as f32));
  for (let at: u32 = 0; at < (network.batch * last.width) << 2; at += 16) {
    const error = f32x4.sub(v128.load(last.linear + at), v128.load(target + at));
    v128.store(last.slope + at, f32x4.mul(error, factor));
  }
  for (let l = network.count; l > 0; l--) {
    const layer = layerAt(network, l - 1);
    if (layer.isHidden != 0) unhide(network, layer);
    descend(network, layer, l > 1 ? layerAt(network, l - 2).slope : 0);
  }
  adapt(network);
}

/** Normalisation, activation and dropout, from `layer.linear` to the next layer's input. */
function hide(network: Network, layer: Layer, next: u32): void {
  const bytes = (network.batch * layer.width) << 2;
  if (network.batchNorm != 0) normalise(network, layer);
  else memory.copy(layer.active, layer.linear, bytes);
  activate(layer.active, bytes, network.activation);
  if (network.activation == ACTIVATION_SIGMOID) clearPadding(network, layer);
  if (network.dropout == 0) {
    memory.copy(next, layer.active, bytes);
    return;
  }
  // 24 random bits an element, of four xorshift generators (Marsaglia 2003).
  const kept = f32x4.splat((1 / (1 - network.dropout)) as f32);
  const limit = i32x4.splat((network.dropout * 16777216) as i32);
  let lanes = v128.load(network.lanes);
  for (let at: u32 = 0; at < bytes; at += 16) {
    lanes = v128.xor(lanes, i32x4.shl(lanes, 13));
    lanes = v128.xor(lanes, i32x4.shr_u(lanes, 17));
    lanes = v128.xor(lanes, i32x4.shl(lanes, 5));
    const mask = v128.and(kept, i32x4.ge_s(i32x4.shr_u(lanes, 8), limit));
    v128.store(layer.mask + at, mask);
    v128.store(next + at, f32x4.mul(v128.load(layer.active + at), mask));
  }
  v128.store(network.lanes, lanes);
}

/** What pads a row is 1/2 after a sigmoid. */
function clearPadding(network: Network, layer: Layer): void {
  const unused = (layer.width - layer.outputs) << 2;
  for (let r: u32 = 0; r < network.batch; r++) {
    memory.fill(layer.active + ((r * layer.width + layer.outputs) << 2), 0, unused);
  }
}

/** To mean 0 and variance 1 over the batch (`normal`), then by the learned scale and shift (`active`). */
function normalise(network: Network, layer: Layer): void {
  const step = layer.width << 2;
  const bytes = network.batch * step;
  const share = f32x4.splat(1 / (network.batch as f32));
  // PyTorch keeps the unbiased variance of the batch.
  const unbias = (network.batch as f32) / ((network.batch - 1) as f32);
  for (let w: u32 = 0; w < step; w += 16) {
    let sum = f32x4.splat(0);
    for (let at = w; at < bytes; at += step) sum = f32x4.add(sum, v128.load(layer.linear + at));
    const mean = f32x4.mul(sum, share);
    let squares = f32x4.splat(0);
    for (let at = w; at < bytes; at += step) {
      const delta = f32x4.sub(v128.load(layer.linear + at), mean);
      squares = f32x4.add(squares, f32x4.mul(delta, delta));
    }
    const variance = f32x4.mul(squares, share);
    const deviation = f32x4.sqrt(f32x4.add(variance, f32x4.splat(NORM_EPSILON)));
    const inverse = f32x4.div(f32x4.splat(1), deviation);
    v128.store(layer.inverse + w, inverse);
    follow(layer.runningMean + w, mean);
    follow(layer.runningVariance + w, f32x4.mul(variance, f32x4.splat(unbias)));
    const scale = v128.load(normOf(network, layer) + w);
    const shift = v128.load(normOf(network, layer) + step + w);
    for (let at = w; at < bytes; at += step) {
      const normal = f32x4.mul(f32x4.sub(v128.load(layer.linear + at), mean), inverse);
      v128.store(layer.normal + at, normal);
      v128.store(layer.active + at, f32x4.add(f32x4.mul(normal, scale), shift));
    }
  }
}

function follow(running: u32, value: v128): void {
  const old = f32x4.mul(v128.load(running), f32x4.splat(1 - NORM_MOMENTUM));
  v128.store(running, f32x4.add(old, f32x4.mul(value, f32x4.splat(NORM_MOMENTUM))));
}

/** The gradient at `slope`, from the layer's output back to `linear`; that of scale and shift on the way. */
function unhide(network: Network, layer: Layer): void {
  const step = layer.width << 2;
  const bytes = network.batch * step;
  if (network.dropout != 0) {
    for (let at: u32 = 0; at < bytes; at += 16) {
      const slope = f32x4.mul(v128.load(layer.slope + at), v128.load(layer.mask + at));
      v128.store(layer.slope + at, slope);
    }
  }
  activationSlope(layer.active, layer.slope, bytes, network.activation);
  if (network.batchNorm == 0) return;
  const share = f32x4.splat(1 / (network.batch as f32));
  const norm = normOf(network, layer);
  const gradient = norm - network.parameters + network.gradient;
  for (let w: u32 = 0; w < step; w += 16) {
    let sum = f32x4.splat(0);
    let product = f32x4.splat(0);
    for (let at = w; at < bytes; at += step) {
      const slope = v128.load(layer.slope + at);
      sum = f32x4.add(sum, slope);
      product = f32x4.add(product, f32x4.mul(slope, v128.load(layer.normal + at)));
    }
    v128.store(gradient + w, product);
    v128.store(gradient + step + w, sum);
    const factor = f32x4.mul(v128.load(norm + w), v128.load(layer.inverse + w));
    const mean = f32x4.mul(sum, share);
    const along = f32x4.mul(product, share);
    for (let at = w; at < bytes; at += step) {
      const common = f32x4.add(mean, f32x4.mul(v128.load(layer.normal + at), along));
      const slope = f32x4.sub(v128.load(layer.slope + at), common);
      v128.store(layer.slope + at, f32x4.mul(slope, factor));
    }
  }
}

/** Gradients of weights and bias, and of what went into the layer (to `before`, 0 = the first layer). */
function descend(network: Network, layer: Layer, before: u32): void {
  const batch = network.batch;
  const width = layer.width;
  const step = width << 2;
  const turned = network.turned;
  const weights = weightsOf(network, layer);
  const gradient = weights - network.parameters + network.gradient;
  const bias = biasOf(network, layer) - network.parameters + network.gradient;
  for (let w: u32 = 0; w < step; w += 16) {
    let sum = f32x4.splat(0);
    for (let at = w; at < batch * step; at += step) {
      sum = f32x4.add(sum, v128.load(layer.slope + at));
    }
    v128.store(bias + w, sum);
  }
  transpose(layer.input, layer.inputWidth, batch, layer.inputWidth, turned, batch);
  multiply(turned, batch, layer.slope, 0, gradient, layer.inputWidth, batch, width);
  if (before == 0) return;
  const rows = (batch + 3) & ~3;
  transpose(weights, width, layer.inputWidth, layer.outputs, turned, layer.inputWidth);
  multiply(layer.slope, width, turned, 0, before, rows, layer.outputs, layer.inputWidth);
}

/** Adam's step. */
function adapt(network: Network): void {
  network.power1 *= BETA_1;
  network.power2 *= BETA_2;
  const rate = f32x4.splat((network.rate / (1 - network.power1)) as f32);
  const perRoot = f32x4.splat((1 / Math.sqrt(1 - network.power2)) as f32);
  const decay = f32x4.splat(network.decay as f32);
  const epsilon = f32x4.splat(ADAM_EPSILON);
  const keep1 = f32x4.splat(BETA_1 as f32);
  const take1 = f32x4.splat((1 - BETA_1) as f32);
  const keep2 = f32x4.splat(BETA_2 as f32);
  const take2 = f32x4.splat((1 - BETA_2) as f32);
  for (let at: u32 = 0; at < network.size << 2; at += 16) {
    const value = v128.load(network.parameters + at);
    const slope = f32x4.add(v128.load(network.gradient + at), f32x4.mul(decay, value));
    const first = v128.load(network.moment1 + at);
    const mean = f32x4.add(f32x4.mul(first, keep1), f32x4.mul(slope, take1));
    const second = v128.load(network.moment2 + at);
    const square = f32x4.mul(f32x4.mul(slope, slope), take2);
    const spread = f32x4.add(f32x4.mul(second, keep2), square);
    v128.store(network.moment1 + at, mean);
    v128.store(network.moment2 + at, spread);
    const root = f32x4.add(f32x4.mul(f32x4.sqrt(spread), perRoot), epsilon);
    v128.store(network.parameters + at, f32x4.sub(value, f32x4.div(f32x4.mul(rate, mean), root)));
  }
}
