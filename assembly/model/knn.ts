/*
 * The distances to the k nearest training rows as a score: the largest (PyOD's default), their mean or their median (Ramaswamy
 * et al. 2000, Angiulli and Pizzuti 2002). A training row's own score leaves the row itself out, but not its duplicates; as a
 * new row it finds itself at distance 0. k is at most the number of the other rows.
 *
 * A window of more rows than `searchBound` (20,000 of up to 10 columns, 11,547 of 30, 2,000 at least; fewer with a p other than
 * 1 and 2, or with k above 209) is trained on a seeded sample of that many; its other rows get the scores of new rows. 20,000 x 10
 * take 0.7 s, since every row is searched for, and a search of a larger model takes longer.
 *
 * Explanation: the baseline is 0. Each neighbour accounts for an equal part of the score (`mean`: for its own distance), and
 * that part goes to the columns by their shares |difference|^p in the distance to that neighbour. A neighbour that equals the
 * row has no shares: its part goes to the baseline.
 *
 *   ┌ Knn 16 B │ Neighbours, see neighbours.ts ┐
 */
import { addShares, boundedBytes, boundRow, requireMagnitudes } from "./distances";
import { bodyOf, Model, modelAt } from "./model";
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
import { foundAt, nearest, NONE } from "./neighbour-search";
import { sampledRow, sampleRows } from "./row-sample";
import { beginModel, parameter, rowOf, setScore, Training } from "./training";
import { releaseScratch, scratchTop, takeScratch } from "./work";

/** Of src/models/kinds.ts. */
const N_NEIGHBORS: u32 = 0;
const METHOD: u32 = 1;
const P: u32 = 2;

const LARGEST: u32 = 0;
const MEAN: u32 = 1;
const MEDIAN: u32 = 2;

@unmanaged
class Knn {
  wanted: u32; // 0
  method: u32; // 4
  reserved: u64;
}

const HEADER: u32 = 16;

function knnOf(model: Model): Knn {
  return changetype<Knn>(bodyOf(model));
}

function neighboursOf(model: Model): Neighbours {
  return changetype<Neighbours>(bodyOf(model) + HEADER);
}

export function trainKnn(training: Training): void {
  requireMagnitudes(training);
  const columns = training.columns;
  const p = parameter(training, P);
  const asked = parameter(training, N_NEIGHBORS) as u32;
  const sample = sampleRows(training, searchBound(columns, p, asked));
  const leaves = planLeaves(sample.count, columns);
  const body = beginModel(training, HEADER + neighboursBytes(sample.count, columns, leaves));
  const model = modelAt(training.model);
  model.sampled = sample.count;
  const knn = knnOf(model);
  knn.wanted = min(asked, sample.count - 1);
  knn.method = parameter(training, METHOD) as u32;
  buildNeighbours(body + HEADER, sample.rows, sample.count, columns, p, leaves);
  const neighbours = neighboursOf(model);
  const order = orderOf(neighbours);
  const mark = scratchTop();
  for (let i: u32 = 0; i < sample.count; i++) {
    const row = load<u32>(order + (i << 2));
    const list = nearest(neighbours, sample.rows + row * (columns << 3), knn.wanted, row);
    const place = sampledRow(sample, row);
    setScore(training, place, summarize(knn, list, false));
    store<f64>(training.newScores + (place << 3), summarize(knn, list, true));
    releaseScratch(mark);
  }
  training.hasNewScores = 1;
  let next: u32 = 0;
  for (let i: u32 = 0; i < training.count; i++) {
    if (next < sample.count && sampledRow(sample, next) == i) {
      next++;
      continue;
    }
    const score = scoreKnn(model, rowOf(training, i));
    setScore(training, i, score);
    store<f64>(training.newScores + (i << 3), score);
  }
}

/** @param withSelf whether the row itself comes before the list, which then loses its last one */
function summarize(knn: Knn, list: u32, withSelf: bool): f64 {
  const wanted = knn.wanted;
  if (knn.method == LARGEST) return distanceAt(list, wanted - 1, withSelf);
  if (knn.method == MEDIAN) {
    const upper = distanceAt(list, wanted >> 1, withSelf);
    if ((wanted & 1) != 0) return upper;
    return (distanceAt(list, (wanted >> 1) - 1, withSelf) + upper) / 2;
  }
  let sum: f64 = 0;
  for (let i: u32 = 0; i < wanted; i++) sum += distanceAt(list, i, withSelf);
  return sum / (wanted as f64);
}

function distanceAt(list: u32, index: u32, withSelf: bool): f64 {
  if (!withSelf) return foundAt(list, index).distance;
  return index == 0 ? 0 : foundAt(list, index - 1).distance;
}

export function scoreKnn(model: Model, row: u32): f64 {
  const mark = scratchTop();
  const knn = knnOf(model);
  const score = summarize(knn, nearest(neighboursOf(model), row, knn.wanted, NONE), false);
  releaseScratch(mark);
  return score;
}

export function explainKnn(model: Model, row: u32, out: u32): f64 {
  const mark = scratchTop();
  const knn = knnOf(model);
  const neighbours = neighboursOf(model);
  const wanted = knn.wanted;
  const list = nearest(neighbours, row, wanted, NONE);
  const bounded = takeScratch(boundedBytes(model.columns));
  boundRow(row, model.columns, bounded);
  memory.fill(out, 0, model.columns << 3);
  const score = summarize(knn, list, false);
  let baseline: f64 = 0;
  for (let i: u32 = 0; i < wanted; i++) {
    const found = foundAt(list, i);
    const part = (knn.method == MEAN ? found.distance : score) / (wanted as f64);
    const lane = valuesOf(neighbours, found.position);
    baseline += addShares(lane, bounded, model.columns, neighbours.p, part, out);
  }
  releaseScratch(mark);
  return baseline;
}

export function checkKnn(model: Model): bool {
  if (model.bodyBytes < HEADER) return false;
  const knn = knnOf(model);
  const at = changetype<u32>(neighboursOf(model));
  if (!checkNeighbours(at, (model.bodyBytes - HEADER) as u64, model.columns)) return false;
  return (
    knn.wanted >= 1 && knn.wanted <= min(1024, neighboursOf(model).rows) && knn.method <= MEDIAN
  );
}
