/*
 * Loads what the next event of a key will need, before it is needed, so that the loads of several rows overlap. It changes nothing, and
 * what it returns means nothing.
 */
import { Detector } from "../detector";
import { root } from "../layout";
import { Aggregate } from "./aggregate";
import { viewOf } from "./body";
import { programIn } from "./program";
import { eventAt, headAt, headsEnd, stateAt } from "./state";

/** Each pass needs what the one before it loaded. */
export const AHEAD_PASSES: u32 = 3;

const LINE: u32 = 64;
/** Bytes of an aggregate that are loaded: its header, and moments. */
const FRONT: u32 = 192;

export function loadFeatures(detector: Detector, block: u32, pass: u32): u32 {
  const program = programIn(detector.program);
  const groups = program.groups as u32;
  if (pass == 0) return loadLines(block, headsEnd(program.sources as u32, groups));
  let sink: u32 = 0;
  const state = stateAt(block);
  if (pass == 1) sink ^= load<u32>(eventAt(state, state.end));
  for (let g: u32 = 0; g < groups; g++) {
    const view = viewOf(program, state, g);
    if (pass == 1) {
      sink ^= load<u32>(eventAt(state, headAt(state, g).tail));
      sink ^= loadLines(view, FRONT);
    } else sink ^= loadLeaves(view);
  }
  return sink;
}

/** So many bytes, which may be more than the block has: never past the arena. */
function loadLines(from: u32, bytes: u32): u32 {
  const end = min(from + bytes, root().arenaTop);
  let sink: u32 = 0;
  for (let at = from; at < end; at += LINE) sink ^= load<u32>(at);
  return sink;
}

function loadLeaves(view: u32): u32 {
  const it = changetype<Aggregate>(view);
  let sink: u32 = 0;
  if (it.most != 0) sink ^= load<u32>(view + it.most) ^ load<u32>(view + it.least);
  if (it.counts != 0) sink ^= load<u32>(view + it.counts);
  if (it.tail != 0) sink ^= load<u32>(view + it.tail);
  return sink;
}
