/* COPOD (Li et al. 2020): the larger of both tails' mean -ln share and of the one that the skewness points at, summed over columns. */
import { Model } from "./model";
import {
  checkSortedColumns,
  explainSortedColumns,
  scoreSortedColumns,
  trainSortedColumns,
} from "./sorted-columns";
import { Training } from "./training";

export function trainCopod(training: Training): void {
  trainSortedColumns(training, false);
}

export function scoreCopod(model: Model, row: u32): f64 {
  return scoreSortedColumns(model, row, false);
}

export function explainCopod(model: Model, row: u32, out: u32): f64 {
  return explainSortedColumns(model, row, out, false);
}

export function checkCopod(model: Model): bool {
  return checkSortedColumns(model);
}
