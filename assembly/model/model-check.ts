/* Whether bytes are a model that is safe to score with, whoever wrote them. */
import { checkCalibration } from "./calibration";
import { checkKind } from "./kinds";
import {
  align16,
  fillsOf,
  knotsOf,
  Model,
  MODEL_COLUMNS_MAX,
  MODEL_FORMAT,
  MODEL_HEADER,
  MODEL_MAGIC,
  modelAt,
  offsetsOf,
  scalesOf,
} from "./model";

const CHECKSUM: u32 = offsetof<Model>("checksum");

/** FNV-1a over 64-bit words, with the checksum's own word left out. */
export function hashModel(model: Model): u64 {
  const base = changetype<u32>(model);
  let hash: u64 = 0xcbf29ce484222325;
  for (let at: u32 = 0; at < model.bytes; at += 8) {
    const word = at == CHECKSUM ? 0 : load<u64>(base + at);
    hash = (hash ^ word) * 0x100000001b3;
    hash ^= hash >> 29;
  }
  return hash;
}

/**
 * 0 = sound; else 1 not a model, 2 another format, 3 a length that does not fit, 4 checksum, 5 preparation, body or calibration
 * have what a training never writes.
 */
export function checkModel(address: u32, bytes: u32): u32 {
  if (bytes < MODEL_HEADER || (bytes & 15) != 0) return 1;
  const model = modelAt(address);
  if (model.magic != MODEL_MAGIC) return 1;
  if (model.format != MODEL_FORMAT) return 2;
  if (model.bytes != bytes || model.columns < 1 || model.columns > MODEL_COLUMNS_MAX) return 3;
  const knots = (knotsOf(model) - address) as u64;
  if (model.knots < 2 || knots + ((model.knots as u64) << 3) > (bytes as u64)) return 3;
  if (model.body != align16((knots as u32) + (model.knots << 3))) return 3;
  if ((model.body as u64) + (model.bodyBytes as u64) > (bytes as u64)) return 3;
  if (model.checksum != hashModel(model)) return 4;
  return checkPreparation(model) && checkKind(model) && checkCalibration(model) ? 0 : 5;
}

/** Whether a row of numbers is prepared to one of numbers. */
function checkPreparation(model: Model): bool {
  for (let i: u32 = 0; i < model.columns; i++) {
    const fill = load<f64>(fillsOf(model) + (i << 3));
    const offset = load<f64>(offsetsOf(model) + (i << 3));
    const scale = load<f64>(scalesOf(model) + (i << 3));
    if (fill - fill != 0 || offset - offset != 0 || !(scale > 0 && scale < Infinity)) return false;
  }
  return true;
}
