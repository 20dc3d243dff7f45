/*
 * FAST-MCD (Rousseeuw and Van Driessen 1999), as scikit-learn runs it: the subset of h rows whose covariance has the smallest
 * determinant, found by concentration steps from random subsets: on all rows up to 500, else on subsets of about 300 rows, whose
 * best ones go on with up to 1,500 rows, and then with all.
 *
 * Bounds for large windows and many columns, beyond which the search is shorter, not worse in kind: SUBSETS_MAX subsets, and for
 * each of the three phases about PHASE_WORK multiply-adds (a few seconds), which cuts subsets, trials, candidates and steps, but not
 * below one subset, two trials of it, and one step of one candidate.
 */
import { sampleWithout, shuffle } from "../rng";
import { addOuter, halfBytes, halfRow, pseudoInverse, quadratic, roomFor } from "./linear-algebra";
import { smallest } from "./select";
import { fail, FAILED_OVERFLOW, work, zeroedWork } from "./work";

const SUBSETS_MAX: u32 = 16;
const PHASE_WORK: f64 = 4e9;
const STEPS_MAX: u32 = 30;
const MERGED_MAX: u32 = 1500;
/** Beyond, squares of variances would overflow on the way. */
const VARIANCE_MAX: f64 = 1e280;

@unmanaged
export class McdSearch {
  /** f64, row-major */
  rows: u32; // 0
  columns: u32;
  count: u32; // 8
  /** Rows of the whole that a covariance is made of. */
  support: u32;
  /** f64 a row: distances of the step under way, by place in its list of rows. */
  distances: u32; // 16
  room: u32;
  /** u32 places of the rows that the step keeps. */
  kept: u32; // 24
  /** One row less a location, padded with 0 to an even number. */
  centred: u32;
  inverse: u32; // 32
  matrices: u32;
  /** The step's own candidate, and the one before it. */
  current: u32; // 40
  previous: u32;
  candidateBytes: u32; // 48
  padding: u32;
}

/** A candidate: ln det | location, padded | covariance, a half. */
export function locationOf(candidate: u32): u32 {
  return candidate + 16;
}

export function covarianceOf(candidate: u32, columns: u32): u32 {
  return candidate + 16 + (((columns + 1) & ~1) << 3);
}

export function searchFor(rows: u32, count: u32, columns: u32, support: u32): McdSearch {
  const search = changetype<McdSearch>(work(offsetof<McdSearch>()));
  search.rows = rows;
  search.columns = columns;
  search.count = count;
  search.support = support;
  search.distances = work((count as u64) << 3);
  search.room = work((count as u64) << 3);
  search.kept = work((count as u64) << 2);
  search.centred = zeroedWork((columns as u64) * 8 + 16);
  search.inverse = work(halfBytes(columns) as u64);
  search.matrices = work(roomFor(columns));
  search.candidateBytes = covarianceOf(0, columns) + halfBytes(columns);
  search.current = zeroedWork(search.candidateBytes as u64);
  search.previous = zeroedWork(search.candidateBytes as u64);
  return search;
}

function rowAt(search: McdSearch, list: u32, place: u32): u32 {
  return search.rows + load<u32>(list + (place << 2)) * (search.columns << 3);
}

/** row - location, at `search.centred` */
export function centre(search: McdSearch, row: u32, location: u32): u32 {
  const y = search.centred;
  for (let c: u32 = 0; c < search.columns << 3; c += 8) {
    store<f64>(y + c, load<f64>(row + c) - load<f64>(location + c));
  }
  return y;
}

/** Mean and covariance (divided by their number) of the `count` rows of `list` at `places`; about 0 where `aboutZero`. */
export function estimate(
  search: McdSearch,
  list: u32,
  places: u32,
  count: u32,
  candidate: u32,
  aboutZero: bool = false,
): void {
  const columns = search.columns;
  const location = locationOf(candidate);
  const covariance = covarianceOf(candidate, columns);
  memory.fill(candidate, 0, search.candidateBytes);
  const share = 1 / (count as f64);
  if (!aboutZero) {
    for (let i: u32 = 0; i < count; i++) {
      const row = rowAt(search, list, load<u32>(places + (i << 2)));
      for (let c: u32 = 0; c < columns << 3; c += 8) {
        store<f64>(location + c, load<f64>(location + c) + load<f64>(row + c) * share);
      }
    }
  }
  for (let i: u32 = 0; i < count; i++) {
    const row = rowAt(search, list, load<u32>(places + (i << 2)));
    addOuter(covariance, centre(search, row, location), columns);
  }
  for (let at = covariance; at < covariance + halfBytes(columns); at += 8) {
    store<f64>(at, load<f64>(at) * share);
  }
  for (let c: u32 = 0; c < columns; c++) {
    const variance = load<f64>(covariance + halfRow(c) + (c << 3));
    if (!(variance <= VARIANCE_MAX)) fail(FAILED_OVERFLOW);
  }
}

/** Distances of all rows of `list` from a location by `search.inverse`. */
export function measure(search: McdSearch, list: u32, count: u32, location: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const y = centre(search, rowAt(search, list, i), location);
    store<f64>(search.distances + (i << 3), quadratic(search.inverse, y, search.columns));
  }
}

function invert(search: McdSearch, candidate: u32): f64 {
  const covariance = covarianceOf(candidate, search.columns);
  return pseudoInverse(covariance, search.columns, search.inverse, search.matrices);
}

/**
 * Concentration steps on the `count` rows of `list`, from the places at `search.kept`, until the determinant falls no more, at most
 * `steps`: the best is at `search.current`.
 */
function concentrate(search: McdSearch, list: u32, count: u32, support: u32, steps: u32): void {
  estimate(search, list, search.kept, support, search.current);
  let determinant = invert(search, search.current);
  let before: f64 = Infinity;
  for (let left = steps; left > 0 && determinant < before && determinant > -Infinity; left--) {
    memory.copy(search.previous, search.current, search.candidateBytes);
    before = determinant;
    keepNearest(search, list, count, support);
    estimate(search, list, search.kept, support, search.current);
    determinant = invert(search, search.current);
  }
  if (determinant > before) {
    memory.copy(search.current, search.previous, search.candidateBytes);
    determinant = before;
  }
  store<f64>(search.current, determinant);
}

/** The places of the `support` rows nearest to the current location, by the inverse that is there. */
function keepNearest(search: McdSearch, list: u32, count: u32, support: u32): void {
  measure(search, list, count, locationOf(search.current));
  smallest(search.distances, count, support, search.kept, search.room);
}

/** The best candidates of a phase, ascending by determinant. */
@unmanaged
class Best {
  candidates: u32;
  size: u32;
  capacity: u32;
  bytes: u32;
}

function bestOf(search: McdSearch, capacity: u32): Best {
  const best = changetype<Best>(work(offsetof<Best>()));
  best.candidates = work((capacity as u64) * (search.candidateBytes as u64));
  best.size = 0;
  best.capacity = capacity;
  best.bytes = search.candidateBytes;
  return best;
}

function candidateAt(best: Best, index: u32): u32 {
  return best.candidates + index * best.bytes;
}

/** Takes a candidate among the best; of equal ones the first come. */
function offer(best: Best, candidate: u32): void {
  const determinant = load<f64>(candidate);
  let place = best.size;
  while (place > 0 && determinant < load<f64>(candidateAt(best, place - 1))) place--;
  if (place == best.capacity) return;
  if (best.size < best.capacity) best.size++;
  const from = candidateAt(best, place);
  memory.copy(from + best.bytes, from, (best.size - 1 - place) * best.bytes);
  memory.copy(from, candidate, best.bytes);
}

/** Multiply-adds of one step, about. */
function stepWork(count: u32, columns: u32): f64 {
  const d = columns as f64;
  return (count as f64) * d * d + 4 * d * d * d;
}

function trialsWithin(planned: u32, subsets: u32, count: u32, columns: u32): u32 {
  const affordable = PHASE_WORK / (3 * (subsets as f64) * stepWork(count, columns));
  return Math.min(planned as f64, Math.max(2, affordable)) as u32;
}

/** Two steps from each of `trials` random subsets of the rows of `list`. */
function tryRandom(
  search: McdSearch,
  list: u32,
  count: u32,
  support: u32,
  trials: u32,
  best: Best,
): void {
  for (let trial: u32 = 0; trial < trials; trial++) {
    sampleWithout(support, count, search.kept);
    concentrate(search, list, count, support, 2);
    offer(best, search.current);
  }
}

/** Goes on from candidates, with the rows of `list`. */
function refine(
  search: McdSearch,
  list: u32,
  count: u32,
  support: u32,
  from: Best,
  best: Best,
): void {
  const affordable = PHASE_WORK / stepWork(count, search.columns);
  const candidates = Math.min(from.size as f64, Math.max(1, Math.floor(affordable / 3))) as u32;
  const steps = Math.min(STEPS_MAX as f64, Math.max(1, affordable / (candidates as f64))) as u32;
  for (let i: u32 = 0; i < candidates; i++) {
    memory.copy(search.current, candidateAt(from, i), from.bytes);
    invert(search, search.current);
    keepNearest(search, list, count, support);
    concentrate(search, list, count, support, steps);
    offer(best, search.current);
  }
}

function proportion(search: McdSearch, count: u32): u32 {
  const share = (search.support as f64) / (search.count as f64);
  return Math.min(count as f64, Math.ceil((count as f64) * share)) as u32;
}

function firstNumbers(count: u32): u32 {
  const list = work((count as u64) << 2);
  for (let i: u32 = 0; i < count; i++) store<u32>(list + (i << 2), i);
  return list;
}

/**
 * Searches, for two columns and more. The address of the best candidate; `search.kept` has its rows, `search.support` their
 * number.
 */
export function searchMinimum(search: McdSearch): u32 {
  const count = search.count;
  const all = firstNumbers(count);
  const found = bestOf(search, 1);
  if (count <= 500) {
    const starts = bestOf(search, 10);
    const trials = trialsWithin(30, 1, count, search.columns);
    tryRandom(search, all, count, search.support, trials, starts);
    refine(search, all, count, search.support, starts, found);
  } else {
    searchSubsets(search, all, found);
  }
  memory.copy(search.current, candidateAt(found, 0), found.bytes);
  invert(search, search.current);
  keepNearest(search, all, count, search.support);
  return candidateAt(found, 0);
}

function searchSubsets(search: McdSearch, all: u32, found: Best): void {
  const count = search.count;
  const parts = count / 300;
  const size = count / parts;
  const affordable = Math.max(1, PHASE_WORK / (6 * stepWork(size, search.columns)));
  const most = parts < SUBSETS_MAX ? parts : SUBSETS_MAX;
  const subsets = Math.min(most as f64, affordable) as u32;
  const starts = bestOf(search, subsets * 10);
  const shuffled = firstNumbers(count);
  shuffle(shuffled, count);
  const planned: u32 = 500 / subsets > 10 ? 500 / subsets : 10;
  const trials = trialsWithin(planned, subsets, size, search.columns);
  const mine = bestOf(search, 10);
  for (let s: u32 = 0; s < subsets; s++) {
    mine.size = 0;
    const list = shuffled + ((s * size) << 2);
    tryRandom(search, list, size, proportion(search, size), trials, mine);
    for (let i: u32 = 0; i < mine.size; i++) offer(starts, candidateAt(mine, i));
  }
  const merged = count < MERGED_MAX ? count : MERGED_MAX;
  const mergedSupport = proportion(search, merged);
  const list = work((merged as u64) << 2);
  sampleWithout(merged, count, list);
  if (count < MERGED_MAX) {
    refine(search, list, merged, mergedSupport, starts, found);
    search.support = mergedSupport;
    return;
  }
  const better = bestOf(search, count > MERGED_MAX ? 10 : 1);
  refine(search, list, merged, mergedSupport, starts, better);
  refine(search, all, count, search.support, better, found);
}
