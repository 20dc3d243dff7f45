/*
 * Rolling features of a whole table at once, in a memory that has no other use. CONTROL holds float64s: columns, rows, windows, lags,
 * then the lists of windows and of lags. Rows lie at WORK_BASE, row-major, NaN = missing.
 */
import { CONTROL_BASE } from "../layout";
import { beginWork, work, WORK_BASE } from "../model/work";
import { derivedColumns, rollingBytes, rollingInit, rollingNext } from "./rolling";

const D_COLUMNS: u32 = 0;
const D_ROWS: u32 = 1;
const D_WINDOWS: u32 = 2;
const D_LAGS: u32 = 3;
const D_LISTS: u32 = 4;

function control(index: u32): u32 {
  return load<f64>(CONTROL_BASE + (index << 3)) as u32;
}

/** Address of the derived rows, row-major. Stops the instance without memory (work.ts). */
export function deriveTable(): u32 {
  const columns = control(D_COLUMNS);
  const count = control(D_ROWS);
  const windows = control(D_WINDOWS);
  const lags = control(D_LAGS);
  beginWork(WORK_BASE + ((count * columns) << 3));
  const lists = work(((windows + lags) as u64) << 2);
  for (let i: u32 = 0; i < windows + lags; i++) {
    store<u32>(lists + (i << 2), control(D_LISTS + i));
  }
  const lagList = lists + (windows << 2);
  const state = work(rollingBytes(columns, windows, lists, lags, lagList));
  rollingInit(state, columns, windows, lists, lags, lagList);
  const stride = derivedColumns(columns, windows, lags) << 3;
  const out = work((count as u64) * (stride as u64));
  for (let i: u32 = 0; i < count; i++) {
    rollingNext(state, WORK_BASE + ((i * columns) << 3), out + i * stride, true);
  }
  return out;
}
