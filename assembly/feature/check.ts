/*
 * Whether a key's state is one that this kernel could have made, and its digest.
 */
import { KIND_FEATURES, roomOf } from "../arena";
import { Detector } from "../detector";
import { hashBytes, mix } from "../hash";
import { Key } from "../key";
import { isAggregateSound } from "./aggregate";
import { aggregateRoom, bodyBytes, isLast, settledOf, unitBytes } from "./body";
import { Last, lastView } from "./last";
import { arePanesSound } from "./panes";
import { capacityMax, stateBytes } from "./plan";
import { groupAt, Program, programIn } from "./program";
import { isRunning, isTriggered, RUNNING_HEADER } from "./running";
import {
  bodyOf,
  countColumns,
  eventAt,
  eventsIn,
  headAt,
  headsEnd,
  isPaned,
  State,
  stateAt,
  STATE_HEADER,
  timeAt,
} from "./state";

/** Reads nothing outside of the state, whatever it holds. */
export function areFeaturesSound(detector: Detector, key: Key): bool {
  const block = key.features;
  if (block == 0) return true;
  const program = programIn(detector.program);
  if (load<u32>(block) != KIND_FEATURES || roomOf(block) < STATE_HEADER) return false;
  const state = stateAt(block);
  if (!isFrameSound(program, state, roomOf(block)) || !isLogSound(program, state)) return false;
  const groups = program.groups as u32;
  for (let g: u32 = 0; g < groups; g++) if (!isBodySound(program, state, g)) return false;
  return true;
}

/** Sizes, and where everything is. */
function isFrameSound(program: Program, state: State, room: u32): bool {
  const capacity = state.capacity;
  const groups = program.groups as u32;
  const columns = countColumns(program);
  if (capacity == 0 || (capacity & (capacity - 1)) != 0 || capacity > capacityMax(program)) {
    return false;
  }
  if (groups < 64 && state.panes >> (groups as u64) != 0) return false;
  const bytes = stateBytes(program, capacity, state.panes);
  if (bytes != (state.bytes as u64) || bytes > (room as u64)) return false;
  if (state.columns != columns || state.stride != (1 + columns) << 3) return false;
  if (state.log != headsEnd(columns, groups)) return false;
  let at = state.log + ((capacity * state.stride + 15) & ~15);
  for (let g: u32 = 0; g < groups; g++) {
    const group = groupAt(program, g);
    const head = headAt(state, g);
    const isPane = isPaned(state, g);
    if (isPane && isLast(group)) return false;
    if (head.body != at || head.aggregate != unitBytes(program, group, capacity, isPane))
      return false;
    if (head.source >= (columns as i32) || head.filter >= (columns as i32)) return false;
    at += bodyBytes(program, group, capacity, isPane);
  }
  return true;
}

function isLogSound(program: Program, state: State): bool {
  const count = eventsIn(state);
  if (count > state.capacity || count > (program.exactEvents as u32)) return false;
  if (state.settled - state.start > count || !(state.events >= (count as f64))) return false;
  let before = -Infinity;
  for (let position = state.start; position != state.end; position++) {
    const time = timeAt(state, position);
    if (!(time >= before)) return false;
    before = time;
  }
  return state.newest >= before && (count > 0 || state.dropped == -Infinity);
}

function isBodySound(program: Program, state: State, g: u32): bool {
  const group = groupAt(program, g);
  const head = headAt(state, g);
  const at = bodyOf(state, head);
  const isPane = isPaned(state, g);
  const room: u32 = isPane ? 0 : aggregateRoom(program, group, state.capacity);
  if (isLast(group)) {
    const last = changetype<Last>(at);
    if (last.capacity != room || last.count > room || last.first >= room) return false;
    return isAggregateSound(group, lastView(at), room, false);
  }
  if (isRunning(group)) {
    const settled = settledOf(program, state, g);
    for (let part = at; part != 0; part = part == at ? settled : 0) {
      const first = part + RUNNING_HEADER;
      if (!isAggregateSound(group, first, room, isPane)) return false;
      if (isTriggered(group) && !isAggregateSound(group, first + head.aggregate, room, isPane)) {
        return false;
      }
    }
    return true;
  }
  if (isPane) return arePanesSound(group, at, head.aggregate);
  const count = eventsIn(state);
  if (head.tail - state.start > count || head.head - state.start > count) return false;
  return isAggregateSound(group, at, room, false);
}

/** Of everything that the key's next features depend on, and the room of its windows; not where the log's ring begins. */
export function digestFeatures(detector: Detector, key: Key, seed: u64): u64 {
  if (key.features == 0) return seed;
  const program = programIn(detector.program);
  const state = stateAt(key.features);
  let h = mix(seed, reinterpret<u64>(state.newest));
  h = mix(h, reinterpret<u64>(state.dropped));
  h = mix(h, reinterpret<u64>(state.events));
  h = mix(h, state.panes);
  h = mix(h, (state.settled - state.start) as u64);
  for (let position = state.start; position != state.end; position++) {
    h = hashBytes(h, eventAt(state, position), state.stride);
  }
  const groups = program.groups as u32;
  for (let g: u32 = 0; g < groups; g++) {
    const group = groupAt(program, g);
    const head = headAt(state, g);
    h = hashBytes(
      h,
      bodyOf(state, head),
      bodyBytes(program, group, state.capacity, isPaned(state, g)),
    );
  }
  return h;
}
