/*
 * autoencoder: a network that learns to give back what it gets, through layers of hidden_neuron_list and back again (PyOD: [64, 32]
 * is columns -> 64 -> 32 -> 64 -> columns). The score is the Euclidean norm of what it fails to give back of the standardised row:
 * (x - mean) / (population deviation + 1e-8). Training is network.ts, in batches of shuffled rows of which a last part batch is
 * dropped (fewer rows than a batch: one batch of all rows); scoring has the normalisation folded into the weights, and no dropout.
 *
 * Bound: at most WORK_MAX weights x rows x epochs, one to a few seconds (the default network on 10 columns: 740,000 rows, 15 epochs
 * of 50,000), and at least one batch. Beyond, the training ends early; where it ends within the first epoch, it has seen a sample of
 * the rows.
 *
 * Numbers between layers are kept within +-1e18, so that no row makes a score that is none; weights that training made too large
 * for that are a failure.
 *
 * Explanation: squared failures, each divided by the score: of a norm, the columns' exact shares. The baseline is 0, a row that
 * comes back as it was.
 *
 * Body: AutoencoderBody | means, f64 | 1 / deviations, f64 | layer by layer: bias, f32 x width | weights, f32, inputs x width
 */
import { shuffle } from "../rng";
import { activate, ACTIVATION_SIGMOID } from "./activation";
import { multiplyRow, pad8 } from "./dense";
import { align16, bodyOf, Model, modelAt } from "./model";
import { biasOf, Layer, layerAt, layOut, Network, normOf, trainBatch, weightsOf } from "./network";
import { beginModel, parameter, rowOf, Training } from "./training";
import { fail, FAILED_BAD_TRAINING, FAILED_OVERFLOW, takeScratch, work } from "./work";

const WORK_MAX: f64 = 4e9;
const HIDDEN_MAX: u32 = 8;
/** Hidden layers there and back, and the last one. */
const LAYERS_MAX: u32 = 2 * HIDDEN_MAX;
const UNITS_MAX: u32 = 1024;
const VALUE_MAX: f32 = 1e18;
/** 1,024 of these times VALUE_MAX is still a float32. */
const WEIGHT_MAX: f32 = 1e15;
const STANDARD_MAX: f64 = 1e300;
/** Bytes for one row: what it failed to give back (f64), and two layers' values (f32). */
const ROOM: u32 = UNITS_MAX * 16;
const DEVIATION_EPSILON: f64 = 1e-8;
const NORM_EPSILON: f64 = 1e-5;

@unmanaged
class AutoencoderBody {
  layers: u32; // 0
  activation: u32;
  padding: u64;
  // 16: layers + 1 sizes, u32
}

const SIZES: u32 = 16;
const BODY_HEADER: u32 = SIZES + 80;

function bodyAt(model: Model): AutoencoderBody {
  return changetype<AutoencoderBody>(bodyOf(model));
}

function sizeOf(body: AutoencoderBody, index: u32): u32 {
  return load<u32>(changetype<u32>(body) + SIZES + (index << 2));
}

function meansOf(body: AutoencoderBody): u32 {
  return changetype<u32>(body) + BODY_HEADER;
}

function factorsOf(body: AutoencoderBody, columns: u32): u32 {
  return meansOf(body) + align16(columns << 3);
}

function firstLayer(body: AutoencoderBody, columns: u32): u32 {
  return factorsOf(body, columns) + align16(columns << 3);
}

/** Bytes of a layer's bias and weights. */
function layerBytes(inputs: u32, outputs: u32): u64 {
  return (((inputs as u64) + 1) * (pad8(outputs) as u64)) << 2;
}

export function trainAutoencoder(training: Training): void {
  const columns = training.columns;
  const sizes = work((LAYERS_MAX + 1) << 2);
  const layers = readSizes(training, sizes);
  let bytes = (BODY_HEADER + 2 * align16(columns << 3)) as u64;
  let weights: f64 = 0;
  for (let l: u32 = 0; l < layers; l++) {
    const inputs = load<u32>(sizes + (l << 2));
    const outputs = load<u32>(sizes + (l << 2), 4);
    bytes += layerBytes(inputs, outputs);
    weights += (inputs as f64) * (outputs as f64);
  }
  const body = changetype<AutoencoderBody>(beginModel(training, bytes));
  body.layers = layers;
  body.activation = parameter(training, 0) as u32;
  memory.copy(changetype<u32>(body) + SIZES, sizes, (layers + 1) << 2);
  standardise(training, body);
  const network = changetype<Network>(work(offsetof<Network>()));
  const batch = parameter(training, 5) as u32;
  network.batch = batch < training.count ? batch : training.count;
  network.activation = body.activation;
  network.batchNorm = parameter(training, 1) as u32;
  network.dropout = parameter(training, 2);
  network.rate = parameter(training, 3);
  network.decay = parameter(training, 6);
  layOut(network, sizes, layers);
  const perBatch = weights * (network.batch as f64);
  const seen = trainEpochs(training, body, network, Math.max(1, Math.floor(WORK_MAX / perBatch)));
  if (seen < training.count) modelAt(training.model).sampled = seen;
  fold(network, firstLayer(body, columns));
  if (!isSound(body, columns)) fail(FAILED_OVERFLOW);
  const room = work(ROOM);
  for (let i: u32 = 0; i < training.count; i++) {
    const score = reconstruct(body, columns, rowOf(training, i), room);
    store<f64>(training.scores + (i << 3), score);
    store<f64>(training.newScores + (i << 3), score);
  }
  training.hasNewScores = 1;
}

/** Sizes of all layers, there and back; their number. */
function readSizes(training: Training, sizes: u32): u32 {
  const hidden = parameter(training, 8) as u32;
  if (hidden < 1 || hidden > HIDDEN_MAX) fail(FAILED_BAD_TRAINING);
  const layers = 2 * hidden;
  store<u32>(sizes, training.columns);
  store<u32>(sizes + (layers << 2), training.columns);
  for (let i: u32 = 0; i < hidden; i++) {
    const units = parameter(training, 9 + i) as u32;
    if (units < 1 || units > UNITS_MAX) fail(FAILED_BAD_TRAINING);
    store<u32>(sizes + ((i + 1) << 2), units);
    store<u32>(sizes + ((layers - 1 - i) << 2), units);
  }
  return layers;
}

/** Means and 1 / (deviation + 1e-8); 0 and 1 without `preprocessing`. */
function standardise(training: Training, body: AutoencoderBody): void {
  const count = training.count;
  for (let c: u32 = 0; c < training.columns; c++) {
    let mean: f64 = 0;
    let factor: f64 = 1;
    if (parameter(training, 7) != 0) {
      for (let i: u32 = 0; i < count; i++) {
        const value = load<f64>(rowOf(training, i) + (c << 3));
        mean += (value - mean) / ((i + 1) as f64);
      }
      let squares: f64 = 0;
      for (let i: u32 = 0; i < count; i++) {
        const delta = load<f64>(rowOf(training, i) + (c << 3)) - mean;
        squares += delta * delta;
      }
      factor = 1 / (Math.sqrt(squares / (count as f64)) + DEVIATION_EPSILON);
    }
    if (!(factor > 0) || mean - mean != 0) fail(FAILED_OVERFLOW);
    store<f64>(meansOf(body) + (c << 3), mean);
    store<f64>(factorsOf(body, training.columns) + (c << 3), factor);
  }
}

/** A row's standardised value; never infinite, so that differences of two are numbers. */
function standardised(body: AutoencoderBody, columns: u32, row: u32, column: u32): f64 {
  const at = column << 3;
  const centred = load<f64>(row + at) - load<f64>(meansOf(body) + at);
  const value = centred * load<f64>(factorsOf(body, columns) + at);
  return Math.max(-STANDARD_MAX, Math.min(STANDARD_MAX, value));
}

function narrowed(value: f64): f32 {
  return Math.max(-VALUE_MAX, Math.min(VALUE_MAX, value)) as f32;
}

/** All epochs, or as many batches as `batches`; how many rows at most were seen. */
function trainEpochs(
  training: Training,
  body: AutoencoderBody,
  network: Network,
  batches: f64,
): u32 {
  const count = training.count;
  const columns = training.columns;
  const batch = network.batch;
  const first = layerAt(network, 0);
  const order = work((count as u64) << 2);
  for (let i: u32 = 0; i < count; i++) store<u32>(order + (i << 2), i);
  let left = batches;
  const epochs = parameter(training, 4);
  for (let epoch: f64 = 0; epoch < epochs && left > 0; epoch += 1) {
    shuffle(order, count);
    for (let from: u32 = 0; from + batch <= count && left > 0; from += batch) {
      for (let r: u32 = 0; r < batch; r++) {
        const row = rowOf(training, load<u32>(order + ((from + r) << 2)));
        const out = first.input + ((r * first.inputWidth) << 2);
        for (let c: u32 = 0; c < columns; c++) {
          store<f32>(out + (c << 2), narrowed(standardised(body, columns, row, c)));
        }
      }
      trainBatch(network);
      left -= 1;
    }
  }
  return Math.min(count as f64, batches * (batch as f64)) as u32;
}

/** The network as scoring needs it: normalisation with the running statistics, as part of weights and bias. */
function fold(network: Network, out: u32): void {
  let at = out;
  for (let l: u32 = 0; l < network.count; l++) {
    const layer = layerAt(network, l);
    const width = layer.width;
    const bias = at;
    const weights = at + (width << 2);
    memory.copy(bias, biasOf(network, layer), width << 2);
    memory.copy(weights, weightsOf(network, layer), (layer.inputs * width) << 2);
    if (layer.isHidden != 0 && network.batchNorm != 0) foldNorm(network, layer, bias, weights);
    at = weights + ((layer.inputs * width) << 2);
  }
}

function foldNorm(network: Network, layer: Layer, bias: u32, weights: u32): void {
  const width = layer.width;
  const norm = normOf(network, layer);
  for (let o: u32 = 0; o < layer.outputs << 2; o += 4) {
    const variance = load<f32>(layer.runningVariance + o) as f64;
    const factor = (load<f32>(norm + o) as f64) / Math.sqrt(variance + NORM_EPSILON);
    const mean = load<f32>(layer.runningMean + o) as f64;
    const shift = load<f32>(norm + (width << 2) + o) as f64;
    store<f32>(bias + o, (((load<f32>(bias + o) as f64) - mean) * factor + shift) as f32);
    for (let i: u32 = 0; i < layer.inputs; i++) {
      const at = weights + ((i * width) << 2) + o;
      store<f32>(at, ((load<f32>(at) as f64) * factor) as f32);
    }
  }
}

/** What the network fails to give back, f64 a column at `room`; its norm. */
function reconstruct(body: AutoencoderBody, columns: u32, row: u32, room: u32): f64 {
  let x = room + UNITS_MAX * 8;
  let y = x + UNITS_MAX * 4;
  for (let c: u32 = 0; c < columns; c++) {
    const value = standardised(body, columns, row, c);
    store<f64>(room + (c << 3), value);
    store<f32>(x + (c << 2), narrowed(value));
  }
  let at = firstLayer(body, columns);
  for (let l: u32 = 0; l < body.layers; l++) {
    const inputs = sizeOf(body, l);
    const width = pad8(sizeOf(body, l + 1));
    multiplyRow(x, at + (width << 2), at, y, inputs, width);
    if (l + 1 < body.layers) {
      activate(y, width << 2, body.activation);
      const most = f32x4.splat(VALUE_MAX);
      for (let w: u32 = 0; w < width << 2; w += 16) {
        v128.store(y + w, f32x4.min(v128.load(y + w), most));
      }
    }
    at += layerBytes(inputs, sizeOf(body, l + 1)) as u32;
    const other = x;
    x = y;
    y = other;
  }
  let squares: f64 = 0;
  let largest: f64 = 0;
  for (let c: u32 = 0; c < columns; c++) {
    const failure = load<f64>(room + (c << 3)) - (load<f32>(x + (c << 2)) as f64);
    store<f64>(room + (c << 3), failure);
    squares += failure * failure;
    largest = Math.max(largest, Math.abs(failure));
  }
  if (largest < 1e140) return Math.sqrt(squares);
  squares = 0;
  for (let c: u32 = 0; c < columns; c++) {
    const share = load<f64>(room + (c << 3)) / largest;
    squares += share * share;
  }
  return largest * Math.sqrt(squares);
}

export function scoreAutoencoder(model: Model, row: u32): f64 {
  return reconstruct(bodyAt(model), model.columns, row, takeScratch(ROOM));
}

export function explainAutoencoder(model: Model, row: u32, out: u32): f64 {
  const columns = model.columns;
  const room = takeScratch(ROOM);
  const score = reconstruct(bodyAt(model), columns, row, room);
  for (let c: u32 = 0; c < columns << 3; c += 8) {
    const failure = load<f64>(room + c);
    store<f64>(out + c, score > 0 ? (failure / score) * failure : 0);
  }
  return 0;
}

/** Whether all numbers are within what scoring needs to stay finite; the sizes are sound. */
function isSound(body: AutoencoderBody, columns: u32): bool {
  for (let c: u32 = 0; c < columns << 3; c += 8) {
    const mean = load<f64>(meansOf(body) + c);
    const factor = load<f64>(factorsOf(body, columns) + c);
    if (mean - mean != 0 || !(factor > 0) || factor - factor != 0) return false;
  }
  let at = firstLayer(body, columns);
  for (let l: u32 = 0; l < body.layers; l++) {
    const end = at + (layerBytes(sizeOf(body, l), sizeOf(body, l + 1)) as u32);
    for (; at < end; at += 4) if (!(Math.abs(load<f32>(at)) <= WEIGHT_MAX)) return false;
  }
  return true;
}

export function checkAutoencoder(model: Model): bool {
  if (model.bodyBytes < BODY_HEADER) return false;
  const body = bodyAt(model);
  const columns = model.columns;
  if (body.layers < 1 || body.layers > LAYERS_MAX) return false;
  if (body.activation > ACTIVATION_SIGMOID) return false;
  if (sizeOf(body, 0) != columns || sizeOf(body, body.layers) != columns) return false;
  let bytes = (BODY_HEADER + 2 * align16(columns << 3)) as u64;
  for (let l: u32 = 0; l < body.layers; l++) {
    const outputs = sizeOf(body, l + 1);
    if (outputs < 1 || outputs > UNITS_MAX) return false;
    bytes += layerBytes(sizeOf(body, l), outputs);
  }
  return bytes <= (model.bodyBytes as u64) && isSound(body, columns);
}
