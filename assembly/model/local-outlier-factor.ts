/*
 * Local outlier factor (Breunig et al. 2000) as scikit-learn computes it: exactly k neighbours even where more are tied (here the
 * first rows of the training are taken), reach(p, o) = max(k-distance of o, distance of p and o), local density =
 * 1 / (mean reach + 1e-10), score = mean density of the neighbours / own density. A training row's own score leaves the row
 * itself out; as a new row it finds itself at distance 0. k is at most the number of the other rows.
 *
 * A window of more rows than `searchBound` (20,000 of up to 10 columns, 11,547 of 30, 2,000 at least; fewer with a p other than
 * 1 and 2, or with k above 209) is trained on a seeded sample of that many; its other rows get the scores of new rows. 20,000 x 10
 * take 1.2 s, since every row is searched for, and a search of a larger model takes longer.
 *
 * Explanation: the baseline is the score at which every neighbour o would have been reached within its own k-distance. What a
 * neighbour's distance adds beyond that goes to the columns by their shares |difference|^p in it. So a row among its neighbours
 * as dense as they are has contributions of 0.
 *
 *   ┌ wanted u32, 12 B free │ k-distances f64 │ densities f64, both by position │ Neighbours, see neighbours.ts ┐
 */
import { addShares, boundedBytes, boundRow, requireMagnitudes } from "./distances";
import { align16, bodyOf, Model, modelAt } from "./model";
import {
  buildNeighbours,
  checkNeighbours,
  Neighbours,
  neighboursBytes,
  orderOf,
  planLeaves,
  searchBound,
  valuesOf,
} from "./neighbours";
import { FOUND_BYTES, foundAt, nearest, NONE } from "./neighbour-search";
import { RowSample, sampledRow, sampleRows } from "./row-sample";
import { beginModel, parameter, rowOf, setScore, Training } from "./training";
import { releaseScratch, releaseWork, scratchTop, takeScratch, work, workTop } from "./work";

/** Of src/models/kinds.ts. */
const N_NEIGHBORS: u32 = 0;
const P: u32 = 1;

@unmanaged
class LocalOutlierFactor {
  wanted: u32; // 0
  /** Where the densities begin and where the neighbours do, from the body's start. */
  rows: u32; // 4
  reserved: u64;
}

const HEADER: u32 = 16;
/** scikit-learn's, against a division by zero among duplicates. */
const LEAST_REACH: f64 = 1e-10;
/** What densities lie within: of rows that are as far as bounded ones can be, and of duplicates. */
const DENSITY_MIN: f64 = 1e-155;
const DENSITY_MAX: f64 = 1 / LEAST_REACH;
/** No distance between bounded rows is larger. */
const DISTANCE_MAX: f64 = 1e154;

function lofOf(model: Model): LocalOutlierFactor {
  return changetype<LocalOutlierFactor>(bodyOf(model));
}

/** k-distances, f64s by position. */
function reachesOf(model: Model): u32 {
  return bodyOf(model) + HEADER;
}

function densitiesOf(model: Model): u32 {
  return reachesOf(model) + align16(lofOf(model).rows << 3);
}

function neighboursOf(model: Model): Neighbours {
  return changetype<Neighbours>(densitiesOf(model) + align16(lofOf(model).rows << 3));
}

export function trainLocalOutlierFactor(training: Training): void {
  requireMagnitudes(training);
  const columns = training.columns;
  const p = parameter(training, P);
  const asked = parameter(training, N_NEIGHBORS) as u32;
  const sample = sampleRows(training, searchBound(columns, p, asked));
  const leaves = planLeaves(sample.count, columns);
  const before = HEADER + 2 * align16(sample.count << 3);
  beginModel(training, before + neighboursBytes(sample.count, columns, leaves));
  const model = modelAt(training.model);
  model.sampled = sample.count;
  lofOf(model).rows = sample.count;
  lofOf(model).wanted = min(asked, sample.count - 1);
  const neighbours = neighboursOf(model);
  buildNeighbours(changetype<u32>(neighbours), sample.rows, sample.count, columns, p, leaves);
  fitSample(training, model, sample);
  training.hasNewScores = 1;
  let next: u32 = 0;
  for (let i: u32 = 0; i < training.count; i++) {
    if (next < sample.count && sampledRow(sample, next) == i) {
      next++;
      continue;
    }
    const score = scoreLocalOutlierFactor(model, rowOf(training, i));
    setScore(training, i, score);
    store<f64>(training.newScores + (i << 3), score);
  }
}

/** k-distances, then densities, then both kinds of scores of the sample's rows, from one search for each of them. */
function fitSample(training: Training, model: Model, sample: RowSample): void {
  const mark = workTop();
  const neighbours = neighboursOf(model);
  const order = orderOf(neighbours);
  const wanted = lofOf(model).wanted;
  const reaches = reachesOf(model);
  const densities = densitiesOf(model);
  const bytes = wanted * FOUND_BYTES;
  const lists = work((sample.count as u64) * (bytes as u64));
  const scratch = scratchTop();
  for (let i: u32 = 0; i < sample.count; i++) {
    const row = load<u32>(order + (i << 2));
    const list = nearest(neighbours, sample.rows + row * (training.columns << 3), wanted, row);
    memory.copy(lists + i * bytes, list, bytes);
    store<f64>(reaches + (i << 3), foundAt(list, wanted - 1).distance);
    releaseScratch(scratch);
  }
  for (let i: u32 = 0; i < sample.count; i++) {
    store<f64>(densities + (i << 3), densityOf(model, lists + i * bytes));
  }
  for (let i: u32 = 0; i < sample.count; i++) {
    const list = lists + i * bytes;
    const row = load<u32>(order + (i << 2));
    const place = sampledRow(sample, row);
    setScore(training, place, factorOf(model, list, load<f64>(densities + (i << 3))));
    insertSelf(list, wanted, i);
    const score = factorOf(model, list, densityOf(model, list));
    store<f64>(training.newScores + (place << 3), score);
  }
  releaseWork(mark);
}

/** Puts a row itself first in its list, for the last one. Its duplicates may be before it, but they are alike in everything. */
function insertSelf(list: u32, wanted: u32, position: u32): void {
  memory.copy(list + FOUND_BYTES, list, (wanted - 1) * FOUND_BYTES);
  const self = foundAt(list, 0);
  self.distance = 0;
  self.position = position;
}

function densityOf(model: Model, list: u32): f64 {
  const wanted = lofOf(model).wanted;
  const reaches = reachesOf(model);
  let sum: f64 = 0;
  for (let i: u32 = 0; i < wanted; i++) {
    const found = foundAt(list, i);
    sum += Math.max(load<f64>(reaches + (found.position << 3)), found.distance);
  }
  return 1 / (sum / (wanted as f64) + LEAST_REACH);
}

/** Mean of the neighbours' densities over a density. */
function factorOf(model: Model, list: u32, density: f64): f64 {
  const wanted = lofOf(model).wanted;
  const densities = densitiesOf(model);
  let sum: f64 = 0;
  for (let i: u32 = 0; i < wanted; i++) {
    sum += load<f64>(densities + (foundAt(list, i).position << 3)) / density;
  }
  return sum / (wanted as f64);
}

export function scoreLocalOutlierFactor(model: Model, row: u32): f64 {
  const mark = scratchTop();
  const list = nearest(neighboursOf(model), row, lofOf(model).wanted, NONE);
  const score = factorOf(model, list, densityOf(model, list));
  releaseScratch(mark);
  return score;
}

export function explainLocalOutlierFactor(model: Model, row: u32, out: u32): f64 {
  const mark = scratchTop();
  const neighbours = neighboursOf(model);
  const wanted = lofOf(model).wanted;
  const reaches = reachesOf(model);
  const list = nearest(neighbours, row, wanted, NONE);
  const bounded = takeScratch(boundedBytes(model.columns));
  boundRow(row, model.columns, bounded);
  memory.fill(out, 0, model.columns << 3);
  // The score is this many times the mean reach.
  const density = factorOf(model, list, 1);
  let reach: f64 = 0;
  let unparted: f64 = 0;
  for (let i: u32 = 0; i < wanted; i++) {
    const found = foundAt(list, i);
    const within = load<f64>(reaches + (found.position << 3));
    reach += within;
    if (!(found.distance > within)) continue;
    const part = (density * (found.distance - within)) / (wanted as f64);
    const lane = valuesOf(neighbours, found.position);
    unparted += addShares(lane, bounded, model.columns, neighbours.p, part, out);
  }
  releaseScratch(mark);
  return density * (reach / (wanted as f64) + LEAST_REACH) + unparted;
}

export function checkLocalOutlierFactor(model: Model): bool {
  if (model.bodyBytes < HEADER) return false;
  const lof = lofOf(model);
  const rows = lof.rows;
  const before = HEADER + 2 * (((rows as u64) * 8 + 15) & ~(15 as u64));
  if (rows < 1 || before > (model.bodyBytes as u64)) return false;
  const neighbours = neighboursOf(model);
  const bytes = (model.bodyBytes as u64) - before;
  if (!checkNeighbours(changetype<u32>(neighbours), bytes, model.columns)) return false;
  if (neighbours.rows != rows || lof.wanted < 1 || lof.wanted > min(1024, rows)) return false;
  const reaches = reachesOf(model);
  const densities = densitiesOf(model);
  for (let i: u32 = 0; i < rows; i++) {
    const reach = load<f64>(reaches + (i << 3));
    const density = load<f64>(densities + (i << 3));
    if (!(reach >= 0 && reach <= DISTANCE_MAX)) return false;
    if (!(density >= DENSITY_MIN && density <= DENSITY_MAX)) return false;
  }
  return true;
}
