/*
 * k-means as scikit-learn's KMeans runs it with n_init = 1: k-means++ with 2 + ln k candidates a centre (Arthur and
 * Vassilvitskii 2007), then Lloyd's iterations until no row changes its cluster, or the centres' squared moves sum up to at most
 * tol x the columns' mean variance, or there were 300. A cluster that loses its last row takes the row that is farthest from its
 * own centre; where that is no use (fewer different rows than clusters) it stays empty, at the largest cluster's centre.
 */
import { nextRandom, randomBelow } from "../rng";
import { LANE_BYTES, LANES, squaresOf } from "./distances";
import { work, zeroedWork } from "./work";

const ITERATIONS_MAX: u32 = 300;
const TOLERANCE: f64 = 1e-4;

/** Lies in work memory. Rows and centres are row-major f64s, what goes with a row or a centre an f64 or u32 each. */
@unmanaged
export class KMeans {
  rows: u32; // 0
  count: u32; // 4
  columns: u32; // 8
  clusters: u32; // 12
  centres: u32; // 16
  /** u32s: each row's cluster. */
  labels: u32; // 20
  /** u32s: rows of each cluster. */
  sizes: u32; // 24
  /** Squares of the rows' distances to their centres. */
  squares: u32; // 28
  /** Sums of the clusters' rows. */
  sums: u32; // 32
  /** The centres in blocks of eight, see distances.ts. */
  blocks: u32; // 36
  lanes: u32; // 40
  reserved: u32;
}

/** Centres of `rows`, and every row's cluster. Draws from rng.ts. @param clusters at most `count` */
export function findClusters(rows: u32, count: u32, columns: u32, clusters: u32): KMeans {
  const means = newKMeans(rows, count, columns, clusters);
  chooseCentres(means);
  const tolerance = TOLERANCE * meanVariance(means);
  for (let i: u32 = 0; i < ITERATIONS_MAX; i++) {
    if (!assign(means)) return means;
    if (moveCentres(means) <= tolerance) break;
  }
  assign(means);
  return means;
}

function newKMeans(rows: u32, count: u32, columns: u32, clusters: u32): KMeans {
  const means = changetype<KMeans>(zeroedWork(offsetof<KMeans>()));
  const bytes = (clusters as u64) * (columns as u64) * 8;
  means.rows = rows;
  means.count = count;
  means.columns = columns;
  means.clusters = clusters;
  means.centres = work(bytes);
  means.labels = work((count as u64) << 2);
  memory.fill(means.labels, 0xff, count << 2);
  means.sizes = work((clusters as u64) << 2);
  means.squares = work((count as u64) << 3);
  means.sums = work(bytes);
  means.blocks = work(centreBytes(clusters, columns));
  means.lanes = work(LANES << 3);
  return means;
}

/** Bytes of centres in blocks. */
export function centreBytes(clusters: u32, columns: u32): u64 {
  return (((clusters + LANES - 1) / LANES) as u64) * (columns as u64) * LANE_BYTES;
}

/** Address of a centre's first value within blocks. */
export function laneOf(blocks: u32, columns: u32, index: u32): u32 {
  return blocks + (index / LANES) * columns * LANE_BYTES + ((index % LANES) << 3);
}

function rowAt(means: KMeans, row: u32): u32 {
  return means.rows + row * (means.columns << 3);
}

function centreAt(means: KMeans, cluster: u32): u32 {
  return means.centres + cluster * (means.columns << 3);
}

/** k-means++: each centre is the best of a few rows, drawn with odds by the square of their distance to the nearest one. */
function chooseCentres(means: KMeans): void {
  const count = means.count;
  const trials: u32 = 2 + (Math.log(means.clusters as f64) as u32);
  let closest = means.squares;
  let best = work((count as u64) << 3);
  let trial = work((count as u64) << 3);
  const draws = work((trials as u64) << 3);
  const first = rowAt(means, randomBelow(count));
  memory.copy(means.centres, first, means.columns << 3);
  for (let i: u32 = 0; i < count; i++) store<f64>(closest + (i << 3), Infinity);
  let total = approach(means, first, closest, closest);
  for (let cluster: u32 = 1; cluster < means.clusters; cluster++) {
    for (let i: u32 = 0; i < trials; i++) store<f64>(draws + (i << 3), nextRandom() * total);
    let least = Infinity;
    let chosen = first;
    for (let i: u32 = 0; i < trials; i++) {
      const row = rowAt(means, reach(closest, count, load<f64>(draws + (i << 3))));
      const sum = approach(means, row, closest, trial);
      if (i > 0 && !(sum < least)) continue;
      least = sum;
      chosen = row;
      const other = best;
      best = trial;
      trial = other;
    }
    memory.copy(centreAt(means, cluster), chosen, means.columns << 3);
    const other = closest;
    closest = best;
    best = other;
    total = least;
  }
}

/** The first row at which the running sum of squares comes up to `draw`, else the last. */
function reach(squares: u32, count: u32, draw: f64): u32 {
  let sum: f64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    sum += load<f64>(squares + (i << 3));
    if (sum >= draw) return i;
  }
  return count - 1;
}

/** Squares of all rows' distances to their nearest centre when `centre` is one more, into `out`; their sum. */
function approach(means: KMeans, centre: u32, squares: u32, out: u32): f64 {
  const bytes = means.columns << 3;
  let total: f64 = 0;
  let row = means.rows;
  for (let i: u32 = 0; i < means.count; i++, row += bytes) {
    let sum: f64 = 0;
    for (let at: u32 = 0; at < bytes; at += 8) {
      const delta = load<f64>(row + at) - load<f64>(centre + at);
      sum += delta * delta;
    }
    const square = Math.min(sum, load<f64>(squares + (i << 3)));
    store<f64>(out + (i << 3), square);
    total += square;
  }
  return total;
}

/** Mean over the columns of their population variances. */
function meanVariance(means: KMeans): f64 {
  let total: f64 = 0;
  for (let c: u32 = 0; c < means.columns; c++) {
    let mean: f64 = 0;
    for (let i: u32 = 0; i < means.count; i++) mean += load<f64>(rowAt(means, i) + (c << 3));
    mean /= means.count as f64;
    let squares: f64 = 0;
    for (let i: u32 = 0; i < means.count; i++) {
      const delta = load<f64>(rowAt(means, i) + (c << 3)) - mean;
      squares += delta * delta;
    }
    total += squares / (means.count as f64);
  }
  return total / (means.columns as f64);
}

/** Gives every row to its nearest centre, of equal ones the first; whether any row changed. */
function assign(means: KMeans): bool {
  const columns = means.columns;
  const clusters = means.clusters;
  const lanes = means.lanes;
  packCentres(means);
  let changed = false;
  for (let i: u32 = 0; i < means.count; i++) {
    let least = Infinity;
    let label: u32 = 0;
    let block = means.blocks;
    for (let first: u32 = 0; first < clusters; first += LANES, block += columns * LANE_BYTES) {
      if (!squaresOf(block, rowAt(means, i), columns, least, lanes)) continue;
      const count = min(LANES, clusters - first);
      for (let lane: u32 = 0; lane < count; lane++) {
        const square = load<f64>(lanes + (lane << 3));
        if (!(square < least)) continue;
        least = square;
        label = first + lane;
      }
    }
    store<f64>(means.squares + (i << 3), least);
    if (load<u32>(means.labels + (i << 2)) == label) continue;
    store<u32>(means.labels + (i << 2), label);
    changed = true;
  }
  return changed;
}

function packCentres(means: KMeans): void {
  const slots = ((means.clusters + LANES - 1) / LANES) * LANES;
  for (let i: u32 = 0; i < slots; i++) {
    const centre = centreAt(means, min(i, means.clusters - 1));
    const lane = laneOf(means.blocks, means.columns, i);
    for (let c: u32 = 0; c < means.columns; c++) {
      store<f64>(lane + c * LANE_BYTES, load<f64>(centre + (c << 3)));
    }
  }
}

/** Puts every centre at the mean of its rows; the sum of the squares of the moves. */
function moveCentres(means: KMeans): f64 {
  const columns = means.columns;
  const bytes = columns << 3;
  memory.fill(means.sums, 0, means.clusters * bytes);
  memory.fill(means.sizes, 0, means.clusters << 2);
  for (let i: u32 = 0; i < means.count; i++)
    addRow(means, load<u32>(means.labels + (i << 2)), i, 1);
  fillEmpty(means);
  let largest: u32 = 0;
  for (let k: u32 = 1; k < means.clusters; k++) {
    if (sizeOf(means, k) > sizeOf(means, largest)) largest = k;
  }
  let moves: f64 = 0;
  for (let k: u32 = 0; k < means.clusters; k++) {
    const from = sizeOf(means, k) > 0 ? k : largest;
    const size = sizeOf(means, from) as f64;
    for (let c: u32 = 0; c < columns; c++) {
      const at = centreAt(means, k) + (c << 3);
      const value = load<f64>(means.sums + from * bytes + (c << 3)) / size;
      const move = value - load<f64>(at);
      store<f64>(at, value);
      moves += move * move;
    }
  }
  return moves;
}

function sizeOf(means: KMeans, cluster: u32): u32 {
  return load<u32>(means.sizes + (cluster << 2));
}

/** @param sign 1 to add a row to a cluster's sum, -1 to take it out */
function addRow(means: KMeans, cluster: u32, row: u32, sign: i32): void {
  const bytes = means.columns << 3;
  const sum = means.sums + cluster * bytes;
  const values = rowAt(means, row);
  for (let at: u32 = 0; at < bytes; at += 8) {
    store<f64>(sum + at, load<f64>(sum + at) + (sign as f64) * load<f64>(values + at));
  }
  store<u32>(means.sizes + (cluster << 2), sizeOf(means, cluster) + sign);
}

/** Gives each empty cluster the row that is farthest from its centre, the farthest one first. */
function fillEmpty(means: KMeans): void {
  for (let k: u32 = 0; k < means.clusters; k++) {
    if (sizeOf(means, k) > 0) continue;
    let farthest: u32 = 0;
    let square: f64 = 0;
    for (let i: u32 = 0; i < means.count; i++) {
      const other = load<f64>(means.squares + (i << 3));
      if (!(other > square)) continue;
      square = other;
      farthest = i;
    }
    if (square == 0) return;
    const label = load<u32>(means.labels + (farthest << 2));
    addRow(means, label, farthest, -1);
    addRow(means, k, farthest, 1);
    // So that it is not taken twice; the next `assign` measures it anew.
    store<f64>(means.squares + (farthest << 3), 0);
  }
}
