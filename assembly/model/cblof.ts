/*
 * Cluster-based local outlier factor (He, Xu and Deng 2003) as PyOD computes it: k-means, clusters by size, the first b of them
 * large. b is the smallest that both holds alpha of the rows and is beta times as large as the next cluster; else the smallest
 * that does the first; else the second; a training without any fails. Clusters without rows do not count. Score: the distance to
 * the row's own centre where its cluster is large, else to the nearest large one; since a row's own centre is its nearest,
 * that is the distance to the nearest large centre in both cases. With use_weights: times the rows of its own cluster.
 *
 * k-means costs rows x clusters x columns an iteration; above 1e8 (50,000 rows of 250 columns into 8 clusters) the centres come
 * from a seeded sample of as many rows as keep to that, at least two a cluster, and then all rows are given to them.
 *
 * Explanation: the baseline is 0; the score goes to the columns by their shares in the squared distance to that centre.
 *
 *   ┌ Cblof 16 B │ sizes: f64 a cluster │ centres in blocks of eight, by size, the largest first ┐
 */
import {
  addShares,
  areBounded,
  boundedBytes,
  boundRow,
  LANE_BYTES,
  LANES,
  requireMagnitudes,
  squaresOf,
} from "./distances";
import { centreBytes, findClusters, laneOf } from "./k-means";
import { align16, bodyOf, Model, modelAt } from "./model";
import { sampleRows } from "./row-sample";
import { sortIndices } from "./sort";
import { beginModel, parameter, rowOf, setScore, Training } from "./training";
import {
  fail,
  FAILED_NO_CLUSTERS,
  releaseScratch,
  scratchTop,
  takeScratch,
  work,
  zeroedWork,
} from "./work";

/** Of src/models/kinds.ts. */
const N_CLUSTERS: u32 = 0;
const ALPHA: u32 = 1;
const BETA: u32 = 2;
const USE_WEIGHTS: u32 = 3;

const CLUSTERS_MAX: u32 = 1024;
/** Rows x clusters x columns of one iteration. */
const WORK_MAX: u64 = 100000000;
const SIZE_MAX: f64 = 4294967295;

@unmanaged
class Cblof {
  clusters: u32; // 0
  large: u32; // 4
  weighted: u32; // 8
  reserved: u32;
}

const HEADER: u32 = 16;

/** What `seek` found. */
@unmanaged
class Seek {
  square: f64; // 0
  index: u32; // 8
  reserved: u32;
}

function sizesOf(cblof: Cblof): u32 {
  return changetype<u32>(cblof) + HEADER;
}

function centresOf(cblof: Cblof): u32 {
  return sizesOf(cblof) + align16(cblof.clusters << 3);
}

function bodyBytes(clusters: u32, columns: u32): u64 {
  return HEADER + align16(clusters << 3) + centreBytes(clusters, columns);
}

export function trainCblof(training: Training): void {
  requireMagnitudes(training);
  const columns = training.columns;
  const asked = parameter(training, N_CLUSTERS) as u32;
  const affordable = max(WORK_MAX / ((asked as u64) * (columns as u64)), (asked as u64) << 1);
  const sample = sampleRows(training, min(affordable, training.count as u64) as u32);
  const clusters = min(asked, sample.count);
  const means = findClusters(sample.rows, sample.count, columns, clusters);
  const sizes = zeroedWork((clusters as u64) << 3);
  countRows(training, means.blocks, clusters, sizes);
  const order = work((clusters as u64) << 2);
  const filled = orderBySize(sizes, clusters, order);
  const large = part(training, sizes, order, filled);
  const cblof = changetype<Cblof>(beginModel(training, bodyBytes(filled, columns)));
  const model = modelAt(training.model);
  model.sampled = sample.count;
  cblof.clusters = filled;
  cblof.large = large;
  cblof.weighted = parameter(training, USE_WEIGHTS) != 0 ? 1 : 0;
  const slots = ((filled + LANES - 1) / LANES) * LANES;
  for (let i: u32 = 0; i < slots; i++) {
    const from = load<u32>(order + (min(i, filled - 1) << 2));
    const to = laneOf(centresOf(cblof), columns, i);
    for (let c: u32 = 0; c < columns; c++) {
      const value = load<f64>(means.centres + ((from * columns + c) << 3));
      store<f64>(to + c * LANE_BYTES, value);
    }
    if (i < filled) store<f64>(sizesOf(cblof) + (i << 3), load<f64>(sizes + (from << 3)));
  }
  for (let i: u32 = 0; i < training.count; i++) {
    const score = scoreCblof(model, rowOf(training, i));
    setScore(training, i, score);
    store<f64>(training.newScores + (i << 3), score);
  }
  training.hasNewScores = 1;
}

/** Rows of the whole training by their nearest centre, f64s. */
function countRows(training: Training, blocks: u32, clusters: u32, sizes: u32): void {
  for (let i: u32 = 0; i < training.count; i++) {
    const mark = scratchTop();
    const at = sizes + (seek(blocks, clusters, rowOf(training, i), training.columns).index << 3);
    store<f64>(at, load<f64>(at) + 1);
    releaseScratch(mark);
  }
}

/** Clusters with rows, the largest first, of equal ones the first; how many. */
function orderBySize(sizes: u32, clusters: u32, order: u32): u32 {
  const keys = work((clusters as u64) << 3);
  let filled: u32 = 0;
  for (let i: u32 = 0; i < clusters; i++) {
    const size = load<f64>(sizes + (i << 3));
    store<f64>(keys + (i << 3), -size);
    if (size > 0) store<u32>(order + (filled++ << 2), i);
  }
  sortIndices(order, filled, keys);
  return filled;
}

/** How many of the clusters are large. */
function part(training: Training, sizes: u32, order: u32, filled: u32): u32 {
  const enough = (training.count as f64) * parameter(training, ALPHA);
  const beta = parameter(training, BETA);
  let byShare: u32 = 0;
  let byDrop: u32 = 0;
  let rows: f64 = 0;
  for (let b: u32 = 1; b < filled; b++) {
    const size = load<f64>(sizes + (load<u32>(order + ((b - 1) << 2)) << 3));
    const next = load<f64>(sizes + (load<u32>(order + (b << 2)) << 3));
    rows += size;
    const holds = rows >= enough;
    const drops = size / next >= beta;
    if (holds && drops) return b;
    if (holds && byShare == 0) byShare = b;
    if (drops && byDrop == 0) byDrop = b;
  }
  if (byShare == 0 && byDrop == 0) fail(FAILED_NO_CLUSTERS);
  return byShare != 0 ? byShare : byDrop;
}

/** The nearest of the first `count` centres in blocks, of equal ones the first. In scratch memory, the caller's to give back. */
function seek(blocks: u32, count: u32, row: u32, columns: u32): Seek {
  const found = changetype<Seek>(takeScratch(offsetof<Seek>()));
  const lanes = takeScratch(LANES << 3);
  let least = Infinity;
  let index: u32 = 0;
  for (let first: u32 = 0; first < count; first += LANES, blocks += columns * LANE_BYTES) {
    if (!squaresOf(blocks, row, columns, least, lanes)) continue;
    const end = min(LANES, count - first);
    for (let lane: u32 = 0; lane < end; lane++) {
      const square = load<f64>(lanes + (lane << 3));
      if (!(square < least)) continue;
      least = square;
      index = first + lane;
    }
  }
  found.square = least;
  found.index = index;
  return found;
}

export function scoreCblof(model: Model, row: u32): f64 {
  const mark = scratchTop();
  const columns = model.columns;
  const cblof = changetype<Cblof>(bodyOf(model));
  const bounded = takeScratch(boundedBytes(columns));
  boundRow(row, columns, bounded);
  const distance = Math.sqrt(seek(centresOf(cblof), cblof.large, bounded, columns).square);
  const score = distance * weightOf(cblof, bounded, columns);
  releaseScratch(mark);
  return score;
}

/** Rows of the cluster that a bounded row is in, or 1 where they do not matter. */
function weightOf(cblof: Cblof, row: u32, columns: u32): f64 {
  if (cblof.weighted == 0) return 1;
  const own = seek(centresOf(cblof), cblof.clusters, row, columns).index;
  return load<f64>(sizesOf(cblof) + (own << 3));
}

export function explainCblof(model: Model, row: u32, out: u32): f64 {
  const mark = scratchTop();
  const columns = model.columns;
  const cblof = changetype<Cblof>(bodyOf(model));
  const bounded = takeScratch(boundedBytes(columns));
  boundRow(row, columns, bounded);
  const found = seek(centresOf(cblof), cblof.large, bounded, columns);
  const score = Math.sqrt(found.square) * weightOf(cblof, bounded, columns);
  memory.fill(out, 0, columns << 3);
  const centre = laneOf(centresOf(cblof), columns, found.index);
  const baseline = addShares(centre, bounded, columns, 2, score, out);
  releaseScratch(mark);
  return baseline;
}

export function checkCblof(model: Model): bool {
  if (model.bodyBytes < HEADER) return false;
  const cblof = changetype<Cblof>(bodyOf(model));
  const clusters = cblof.clusters;
  if (clusters < 2 || clusters > CLUSTERS_MAX) return false;
  if (cblof.large < 1 || cblof.large >= clusters || cblof.weighted > 1) return false;
  const bytes = bodyBytes(clusters, model.columns);
  if (bytes != (model.bodyBytes as u64)) return false;
  for (let i: u32 = 0; i < clusters; i++) {
    const size = load<f64>(sizesOf(cblof) + (i << 3));
    if (!(size >= 0 && size <= SIZE_MAX)) return false;
  }
  return areBounded(centresOf(cblof), (centreBytes(clusters, model.columns) >> 3) as u32);
}
