/* ECOD (Li et al. 2022): the larger of both tails' -ln share and of the one that the skewness points at, summed over columns. */
import { Model } from "./model";
import {
  checkSortedColumns,
  explainSortedColumns,
  scoreSortedColumns,
  trainSortedColumns,
} from "./sorted-columns";
import { Training } from "./training";

export function trainEcod(training: Training): void {
  trainSortedColumns(training, true);
}

export function scoreEcod(model: Model, row: u32): f64 {
  return scoreSortedColumns(model, row, true);
}

export function explainEcod(model: Model, row: u32, out: u32): f64 {
  return explainSortedColumns(model, row, out, true);
}

export function checkEcod(model: Model): bool {
  return checkSortedColumns(model);
}
