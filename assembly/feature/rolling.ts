/*
 * Rolling features and lags of a stream of rows: mean, standard deviation (ddof 1), minimum and maximum of each column's last w
 * values, the newest among them, and its value p rows ago. As Polars' rolling_* and shift with nulls filled by 0.0: a window that
 * is not full, or holds a missing value (NaN), gives 0 for all four; so does a lag of a missing value or from before the start.
 *
 * A window is two stacks (the "two stacks" sliding aggregation of Tangwongsan, Hirzel and Schneider, 2015): nothing is ever
 * subtracted, so no error grows with the length of the stream. Values are taken relative to an origin near them, which keeps
 * the deviation exact beside a large offset. A row costs O(1) a window, amortised: once in w rows its w values are read again.
 *
 *   state  ┌ header 32 B │ windows, lags u32 │ history: ring of rows f64 │ column 0: window 0, window 1 ... │ column 1 ... ┐
 *   window ┌ 64 B: front u32, count u32, origin, mean, squares, least, most f64 │ front stack: w x (mean, squares, least, most) ┐
 *
 * The state is one block without addresses: it may be copied and moved.
 *
 * Out, D = columns * (1 + 4 * windows + lags) float64s: the columns as they are (NaN stays), then column by column for each window
 * mean, std, min, max, and then its lags.
 */

@unmanaged
class Rolling {
  columns: u32; // 0
  windows: u32;
  lags: u32;
  history: u32; // 12, rows in the ring
  bytes: u32;
  head: u32; // 20, where the next row goes
  rows: f64; // 24, ever seen
}

@unmanaged
class Window {
  /** Index of the oldest value in the front stack; w = it is empty. */
  front: u32; // 0
  /** Values in the back. */
  count: u32;
  origin: f64; // 8
  mean: f64; // 16, of the back, from the origin
  squares: f64; // 24, about that mean
  least: f64; // 32
  most: f64; // 40
}

const HEADER: u32 = 32;
const WINDOW: u32 = 64;
const ENTRY: u32 = 32;

/** Values as one: how many, their mean from the origin, squares about it, least and most. */
let backCount: f64 = 0;
let backMean: f64 = 0;
let backSquares: f64 = 0;
let backLeast: f64 = 0;
let backMost: f64 = 0;
let frontMean: f64 = 0;
let frontSquares: f64 = 0;
let frontLeast: f64 = 0;
let frontMost: f64 = 0;

function lists(windows: u32, lags: u32): u32 {
  return ((windows + lags) * 4 + 15) & ~15;
}

function historyRows(windows: u32, windowList: u32, lags: u32, lagList: u32): u32 {
  let rows: u32 = 1;
  for (let i: u32 = 0; i < windows; i++) rows = max(rows, load<u32>(windowList + (i << 2)));
  for (let i: u32 = 0; i < lags; i++) rows = max(rows, load<u32>(lagList + (i << 2)));
  return rows;
}

/** Columns of a derived row. */
export function derivedColumns(columns: u32, windows: u32, lags: u32): u32 {
  return columns * (1 + 4 * windows + lags);
}

/** Bytes of a state; lists are u32s, each 1 or more. */
export function rollingBytes(
  columns: u32,
  windows: u32,
  windowList: u32,
  lags: u32,
  lagList: u32,
): u64 {
  let column: u64 = 0;
  for (let i: u32 = 0; i < windows; i++) {
    column += WINDOW + (load<u32>(windowList + (i << 2)) as u64) * ENTRY;
  }
  const history = historyRows(windows, windowList, lags, lagList) as u64;
  return ((HEADER + lists(windows, lags)) as u64) + (columns as u64) * (history * 8 + column);
}

/** Makes `rollingBytes` bytes the state of a stream that has not begun. */
export function rollingInit(
  state: u32,
  columns: u32,
  windows: u32,
  windowList: u32,
  lags: u32,
  lagList: u32,
): void {
  const bytes = rollingBytes(columns, windows, windowList, lags, lagList) as u32;
  memory.fill(state, 0, bytes);
  const rolling = changetype<Rolling>(state);
  rolling.columns = columns;
  rolling.windows = windows;
  rolling.lags = lags;
  rolling.history = historyRows(windows, windowList, lags, lagList);
  rolling.bytes = bytes;
  memory.copy(state + HEADER, windowList, windows << 2);
  memory.copy(state + HEADER + (windows << 2), lagList, lags << 2);
  let at = windowsAt(state);
  for (let c: u32 = 0; c < columns; c++) {
    for (let i: u32 = 0; i < windows; i++) {
      const length = load<u32>(windowList + (i << 2));
      changetype<Window>(at).front = length;
      at += WINDOW + length * ENTRY;
    }
  }
}

function historyAt(state: u32): u32 {
  const rolling = changetype<Rolling>(state);
  return state + HEADER + lists(rolling.windows, rolling.lags);
}

function windowsAt(state: u32): u32 {
  const rolling = changetype<Rolling>(state);
  return historyAt(state) + ((rolling.history * rolling.columns) << 3);
}

/** A column's value `back` rows before the row that comes next; it must be in the history. */
function past(state: u32, column: u32, back: u32): f64 {
  const rolling = changetype<Rolling>(state);
  const head = rolling.head;
  const index = head >= back ? head - back : head + rolling.history - back;
  return load<f64>(historyAt(state) + ((index * rolling.columns + column) << 3));
}

/**
 * The derived row of the row that comes next, into `out`; `out` may not overlap `row`. Unless `takes`, the state stays as it is, and
 * the numbers are those that it would give.
 */
export function rollingNext(state: u32, row: u32, out: u32, takes: bool): void {
  const rolling = changetype<Rolling>(state);
  const columns = rolling.columns;
  const windows = rolling.windows;
  const lags = rolling.lags;
  memory.copy(out, row, columns << 3);
  let to = out + (columns << 3);
  let at = windowsAt(state);
  for (let c: u32 = 0; c < columns; c++) {
    const value = load<f64>(row + (c << 3));
    for (let i: u32 = 0; i < windows; i++) {
      const length = load<u32>(state + HEADER + (i << 2));
      putWindow(state, at, c, length, value, takes, to);
      at += WINDOW + length * ENTRY;
      to += 32;
    }
    for (let i: u32 = 0; i < lags; i++) {
      const lag = load<u32>(state + HEADER + ((windows + i) << 2));
      const isThere = rolling.rows >= (lag as f64);
      const lagged = isThere ? past(state, c, lag) : 0;
      store<f64>(to, lagged == lagged ? lagged : 0);
      to += 8;
    }
  }
  if (!takes) return;
  memory.copy(historyAt(state) + ((rolling.head * columns) << 3), row, columns << 3);
  rolling.head = rolling.head + 1 == rolling.history ? 0 : rolling.head + 1;
  rolling.rows += 1;
}

/** Lets one value join a column's window, and writes the window's four numbers. */
function putWindow(
  state: u32,
  at: u32,
  column: u32,
  length: u32,
  value: f64,
  takes: bool,
  to: u32,
): void {
  const window = changetype<Window>(at);
  if (value != value) {
    if (takes) {
      window.front = length;
      window.count = 0;
    }
    return putZeros(to);
  }
  let front = window.front;
  const count = window.count;
  let origin = window.origin;
  // A full window's oldest value leaves; it is in the front, see the end.
  if (length - front + count == length) front++;
  if (front < length) loadFront(at, front);
  const inFront = length - front;
  if (inFront + count == 0) origin = value;
  startBack(window, count);
  addBack(value - origin, value);
  if (takes) keepBack(window, front, origin);
  if (inFront + count + 1 < length) return putZeros(to);
  if (inFront > 0) mergeFront(inFront as f64);
  store<f64>(to, origin + backMean);
  store<f64>(to, length > 1 ? Math.sqrt(backSquares / ((length - 1) as f64)) : 0, 8);
  store<f64>(to, backLeast, 16);
  store<f64>(to, backMost, 24);
  if (takes && inFront == 0) {
    // The front is used up and all of the window's values are in the back: they become the front.
    stackFront(state, at, column, length, value);
    window.front = 0;
    window.count = 0;
    window.origin = value;
  }
}

function putZeros(to: u32): void {
  v128.store(to, f64x2.splat(0));
  v128.store(to, f64x2.splat(0), 16);
}

function startBack(window: Window, count: u32): void {
  backCount = count as f64;
  backMean = count > 0 ? window.mean : 0;
  backSquares = count > 0 ? window.squares : 0;
  backLeast = count > 0 ? window.least : Infinity;
  backMost = count > 0 ? window.most : -Infinity;
}

/** Welford's update. */
function addBack(relative: f64, value: f64): void {
  backCount += 1;
  const delta = relative - backMean;
  backMean += delta / backCount;
  backSquares += delta * (relative - backMean);
  if (value < backLeast) backLeast = value;
  if (value > backMost) backMost = value;
}

function keepBack(window: Window, front: u32, origin: f64): void {
  window.front = front;
  window.count = backCount as u32;
  window.origin = origin;
  window.mean = backMean;
  window.squares = backSquares;
  window.least = backLeast;
  window.most = backMost;
}

/** Reads the window's values, newest first, so that each entry of the front holds its own and all newer ones. */
function stackFront(state: u32, at: u32, column: u32, length: u32, newest: f64): void {
  backCount = 0;
  backMean = 0;
  backSquares = 0;
  backLeast = Infinity;
  backMost = -Infinity;
  for (let i = length - 1; i > 0; i--) {
    const value = i == length - 1 ? newest : past(state, column, length - 1 - i);
    addBack(value - newest, value);
    storeFront(at, i);
  }
}

function storeFront(at: u32, index: u32): void {
  const entry = at + WINDOW + index * ENTRY;
  store<f64>(entry, backMean);
  store<f64>(entry, backSquares, 8);
  store<f64>(entry, backLeast, 16);
  store<f64>(entry, backMost, 24);
}

function loadFront(at: u32, index: u32): void {
  const entry = at + WINDOW + index * ENTRY;
  frontMean = load<f64>(entry);
  frontSquares = load<f64>(entry, 8);
  frontLeast = load<f64>(entry, 16);
  frontMost = load<f64>(entry, 24);
}

/** Chan, Golub and LeVeque's merge of two parts of a sample. */
function mergeFront(count: f64): void {
  const total = backCount + count;
  const delta = frontMean - backMean;
  backSquares += frontSquares + (delta * delta * backCount * count) / total;
  backMean += (delta * count) / total;
  if (frontLeast < backLeast) backLeast = frontLeast;
  if (frontMost > backMost) backMost = frontMost;
}

/** Whether bytes are a state that rows may be put into, whoever wrote them. They are `rollingBytes` long. */
export function isRollingSound(
  state: u32,
  columns: u32,
  windows: u32,
  windowList: u32,
  lags: u32,
  lagList: u32,
): bool {
  const rolling = changetype<Rolling>(state);
  const history = historyRows(windows, windowList, lags, lagList);
  if (rolling.columns != columns || rolling.windows != windows || rolling.lags != lags)
    return false;
  if (rolling.history != history || rolling.head >= history || !(rolling.rows >= 0)) return false;
  if ((rolling.bytes as u64) != rollingBytes(columns, windows, windowList, lags, lagList)) {
    return false;
  }
  const own = state + HEADER;
  if (memory.compare(own, windowList, windows << 2) != 0) return false;
  if (memory.compare(own + (windows << 2), lagList, lags << 2) != 0) return false;
  let at = windowsAt(state);
  for (let c: u32 = 0; c < columns; c++) {
    for (let i: u32 = 0; i < windows; i++) {
      const length = load<u32>(windowList + (i << 2));
      const window = changetype<Window>(at);
      if (window.front > length || window.count > window.front) return false;
      at += WINDOW + length * ENTRY;
    }
  }
  return true;
}
