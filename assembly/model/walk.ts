/*
 * The walks down the trees, which are most of what a row costs. A step is two dependent loads, a comparison and a few sums;
 * several trees are walked side by side so that these chains overlap: ten keep the core busy, five take what is left over.
 * The bodies are spelled out because an array of locals would live in memory.
 */
import { Detector } from "../detector";
import { SCRATCH_PAIRS } from "../layout";
import { NODE_SHIFT } from "../structure";

/** As an immediate offset: the columns' own offsets are relative to it. */
export const PAIRS: usize = SCRATCH_PAIRS;

/**
 * Both walks of ten trees. Each step compares a node's threshold with both x', goes where the old one says, and writes both
 * decisions down as the bits of a path; where the two part ways, which is rare, the second is walked alone. Leaves at
 * `result`, u32 a tree: by the old x' in the low half, by the new one in the high half.
 */
export function walkTen(nodes: u32, detector: Detector, result: u32): void {
  const stride = detector.trees << NODE_SHIFT;
  let a = stride;
  let b = stride;
  let c = stride;
  let d = stride;
  let e = stride;
  let f = stride;
  let g = stride;
  let h = stride;
  let i = stride;
  let j = stride;
  let pathA = i64x2.splat(0);
  let pathB = pathA;
  let pathC = pathA;
  let pathD = pathA;
  let pathE = pathA;
  let pathF = pathA;
  let pathG = pathA;
  let pathH = pathA;
  let pathI = pathA;
  let pathJ = pathA;
  for (let depth = detector.height; depth != 0; depth--) {
    const atA = nodes + a;
    const inA = f64x2.gt(v128.load64_splat(atA), v128.load(load<u32>(atA, 8), PAIRS));
    a = (a << 1) + (i32x4.extract_lane(inA, 0) & stride);
    pathA = i64x2.add(i64x2.add(pathA, pathA), inA);
    const atB = nodes + b;
    const inB = f64x2.gt(v128.load64_splat(atB, 16), v128.load(load<u32>(atB, 24), PAIRS));
    b = (b << 1) + (i32x4.extract_lane(inB, 0) & stride);
    pathB = i64x2.add(i64x2.add(pathB, pathB), inB);
    const atC = nodes + c;
    const inC = f64x2.gt(v128.load64_splat(atC, 32), v128.load(load<u32>(atC, 40), PAIRS));
    c = (c << 1) + (i32x4.extract_lane(inC, 0) & stride);
    pathC = i64x2.add(i64x2.add(pathC, pathC), inC);
    const atD = nodes + d;
    const inD = f64x2.gt(v128.load64_splat(atD, 48), v128.load(load<u32>(atD, 56), PAIRS));
    d = (d << 1) + (i32x4.extract_lane(inD, 0) & stride);
    pathD = i64x2.add(i64x2.add(pathD, pathD), inD);
    const atE = nodes + e;
    const inE = f64x2.gt(v128.load64_splat(atE, 64), v128.load(load<u32>(atE, 72), PAIRS));
    e = (e << 1) + (i32x4.extract_lane(inE, 0) & stride);
    pathE = i64x2.add(i64x2.add(pathE, pathE), inE);
    const atF = nodes + f;
    const inF = f64x2.gt(v128.load64_splat(atF, 80), v128.load(load<u32>(atF, 88), PAIRS));
    f = (f << 1) + (i32x4.extract_lane(inF, 0) & stride);
    pathF = i64x2.add(i64x2.add(pathF, pathF), inF);
    const atG = nodes + g;
    const inG = f64x2.gt(v128.load64_splat(atG, 96), v128.load(load<u32>(atG, 104), PAIRS));
    g = (g << 1) + (i32x4.extract_lane(inG, 0) & stride);
    pathG = i64x2.add(i64x2.add(pathG, pathG), inG);
    const atH = nodes + h;
    const inH = f64x2.gt(v128.load64_splat(atH, 112), v128.load(load<u32>(atH, 120), PAIRS));
    h = (h << 1) + (i32x4.extract_lane(inH, 0) & stride);
    pathH = i64x2.add(i64x2.add(pathH, pathH), inH);
    const atI = nodes + i;
    const inI = f64x2.gt(v128.load64_splat(atI, 128), v128.load(load<u32>(atI, 136), PAIRS));
    i = (i << 1) + (i32x4.extract_lane(inI, 0) & stride);
    pathI = i64x2.add(i64x2.add(pathI, pathI), inI);
    const atJ = nodes + j;
    const inJ = f64x2.gt(v128.load64_splat(atJ, 144), v128.load(load<u32>(atJ, 152), PAIRS));
    j = (j << 1) + (i32x4.extract_lane(inJ, 0) & stride);
    pathJ = i64x2.add(i64x2.add(pathJ, pathJ), inJ);
  }
  endWalk(pathA, nodes, detector, result);
  endWalk(pathB, nodes + 16, detector, result + 4);
  endWalk(pathC, nodes + 32, detector, result + 8);
  endWalk(pathD, nodes + 48, detector, result + 12);
  endWalk(pathE, nodes + 64, detector, result + 16);
  endWalk(pathF, nodes + 80, detector, result + 20);
  endWalk(pathG, nodes + 96, detector, result + 24);
  endWalk(pathH, nodes + 112, detector, result + 28);
  endWalk(pathI, nodes + 128, detector, result + 32);
  endWalk(pathJ, nodes + 144, detector, result + 36);
}

/** The same of five trees. */
export function walkFive(nodes: u32, detector: Detector, result: u32): void {
  const stride = detector.trees << NODE_SHIFT;
  let a = stride;
  let b = stride;
  let c = stride;
  let d = stride;
  let e = stride;
  let pathA = i64x2.splat(0);
  let pathB = pathA;
  let pathC = pathA;
  let pathD = pathA;
  let pathE = pathA;
  for (let depth = detector.height; depth != 0; depth--) {
    const atA = nodes + a;
    const inA = f64x2.gt(v128.load64_splat(atA), v128.load(load<u32>(atA, 8), PAIRS));
    a = (a << 1) + (i32x4.extract_lane(inA, 0) & stride);
    pathA = i64x2.add(i64x2.add(pathA, pathA), inA);
    const atB = nodes + b;
    const inB = f64x2.gt(v128.load64_splat(atB, 16), v128.load(load<u32>(atB, 24), PAIRS));
    b = (b << 1) + (i32x4.extract_lane(inB, 0) & stride);
    pathB = i64x2.add(i64x2.add(pathB, pathB), inB);
    const atC = nodes + c;
    const inC = f64x2.gt(v128.load64_splat(atC, 32), v128.load(load<u32>(atC, 40), PAIRS));
    c = (c << 1) + (i32x4.extract_lane(inC, 0) & stride);
    pathC = i64x2.add(i64x2.add(pathC, pathC), inC);
    const atD = nodes + d;
    const inD = f64x2.gt(v128.load64_splat(atD, 48), v128.load(load<u32>(atD, 56), PAIRS));
    d = (d << 1) + (i32x4.extract_lane(inD, 0) & stride);
    pathD = i64x2.add(i64x2.add(pathD, pathD), inD);
    const atE = nodes + e;
    const inE = f64x2.gt(v128.load64_splat(atE, 64), v128.load(load<u32>(atE, 72), PAIRS));
    e = (e << 1) + (i32x4.extract_lane(inE, 0) & stride);
    pathE = i64x2.add(i64x2.add(pathE, pathE), inE);
  }
  endWalk(pathA, nodes, detector, result);
  endWalk(pathB, nodes + 16, detector, result + 4);
  endWalk(pathC, nodes + 32, detector, result + 8);
  endWalk(pathD, nodes + 48, detector, result + 12);
  endWalk(pathE, nodes + 64, detector, result + 16);
}

/** `path`: minus the leaf in each lane; that of the new x' only counts where it agrees with the old one's all the way. */
function endWalk(path: v128, nodes: u32, detector: Detector, result: u32): void {
  const before = -i32x4.extract_lane(path, 0) as u32;
  const after = -i32x4.extract_lane(path, 2) as u32;
  store<u32>(result, before | ((before == after ? after : walkNew(nodes, detector)) << 16));
}

/** The same of one tree, answered instead of stored. */
export function walkOne(nodes: u32, detector: Detector): u32 {
  const before = walkLane(nodes, detector, 0);
  return before | (walkNew(nodes, detector) << 16);
}

function walkNew(nodes: u32, detector: Detector): u32 {
  return walkLane(nodes, detector, 8);
}

/** One walk of one tree by the old (lane 0) or new (lane 8) x'. The leaf. */
function walkLane(nodes: u32, detector: Detector, lane: u32): u32 {
  const stride = detector.trees << NODE_SHIFT;
  let node: u32 = 1;
  for (let depth = detector.height; depth != 0; depth--) {
    const at = nodes + node * stride;
    const x = load<f64>(load<u32>(at, 8) + lane, PAIRS);
    node = (node << 1) | (x < load<f64>(at) ? 1 : 0);
  }
  return node - detector.leaves;
}
