/**
 * River's scaler | HalfSpaceTrees written down plainly, node objects and all: slow, and independent of the kernel's way to
 * keep state. Golden files check a few streams against River itself; this checks any configuration against the same rules.
 */
export interface ReferenceOptions {
  readonly features: number;
  readonly trees: number;
  readonly height: number;
  readonly window: number;
  readonly seed: bigint;
  readonly scaler: 0 | 1 | 2;
}

interface Node {
  feature: number;
  threshold: number;
  left: Node | undefined;
  right: Node | undefined;
  reference: number;
  latest: number;
}

/** Python's random.Random(seed).random(). */
function pythonRandom(seed: bigint): () => number {
  const words = [Number(seed & 0xffff_ffffn)];
  if (seed >> 32n !== 0n) words.push(Number(seed >> 32n));
  const mt = new Uint32Array(624);
  mt[0] = 19_650_218;
  const previous = (i: number): number => mt[i - 1]! ^ (mt[i - 1]! >>> 30);
  for (let i = 1; i < 624; i++) mt[i] = Math.imul(1_812_433_253, previous(i)) + i;
  let i = 1;
  let j = 0;
  const next = (): void => {
    if (++i < 624) return;
    mt[0] = mt[623]!;
    i = 1;
  };
  for (let k = 0; k < 624; k++, j = (j + 1) % words.length) {
    mt[i] = (mt[i]! ^ Math.imul(previous(i), 1_664_525)) + words[j]! + j;
    next();
  }
  for (let k = 0; k < 623; k++) {
    mt[i] = (mt[i]! ^ Math.imul(previous(i), 1_566_083_941)) - i;
    next();
  }
  mt[0] = 0x8000_0000;
  let at = 624;
  const word = (): number => {
    if (at === 624) {
      for (let k = 0; k < 624; k++) {
        const y = (mt[k]! & 0x8000_0000) | (mt[(k + 1) % 624]! & 0x7fff_ffff);
        mt[k] = mt[(k + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908_b0df : 0);
      }
      at = 0;
    }
    let y = mt[at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c_5680;
    y ^= (y << 15) & 0xefc6_0000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  return () => ((word() >>> 5) * 67_108_864 + (word() >>> 6)) / 9_007_199_254_740_992;
}

export class Reference {
  private readonly options: ReferenceOptions;
  private roots: Node[] = [];
  private learned = 0;
  private readonly statistics: {
    n: number;
    mean: number;
    variance: number;
    least: number;
    most: number;
  }[];

  constructor(options: ReferenceOptions) {
    this.options = options;
    this.statistics = Array.from({ length: options.features }, () => ({
      n: 0,
      mean: 0,
      variance: 0,
      least: Infinity,
      most: -Infinity,
    }));
  }

  score(values: readonly number[]): number {
    const { trees, window, height } = this.options;
    if (this.learned < window) return 0;
    const x = this.scale(values);
    let total = 0;
    for (const root of this.roots) {
      let node: Node | undefined = root;
      for (let depth = 0; node !== undefined; depth++) {
        total += node.reference * 2 ** depth;
        if (node.left !== undefined && node.reference < 0.1 * window) break;
        node = this.child(node, x);
      }
    }
    return 1 - total / (trees * window * (2 ** (height + 1) - 1));
  }

  learn(values: readonly number[]): void {
    if (this.learned === 0) this.build(values);
    this.learnScaler(values);
    const x = this.scale(values);
    for (const root of this.roots) {
      for (let node: Node | undefined = root; node !== undefined;) {
        const child: Node | undefined = this.child(node, x);
        node.latest++;
        node = child;
      }
    }
    this.learned++;
    if (this.learned % this.options.window === 0) for (const root of this.roots) this.swap(root);
  }

  private child(node: Node, x: readonly number[]): Node | undefined {
    const { left, right } = node;
    if (left === undefined || right === undefined) return undefined;
    const value = x[node.feature]!;
    if (Number.isNaN(value)) return right.latest > left.latest ? right : left;
    return value < node.threshold ? left : right;
  }

  private swap(node: Node): void {
    node.reference = node.latest;
    node.latest = 0;
    if (node.left !== undefined) this.swap(node.left);
    if (node.right !== undefined) this.swap(node.right);
  }

  private build(values: readonly number[]): void {
    const random = pythonRandom(this.options.seed);
    const present = values.flatMap((value, column) => (Number.isNaN(value) ? [] : [column]));
    const boxes = present.map((): [number, number] => [0, 1]);
    const grow = (depth: number): Node => {
      const node: Node = {
        feature: -1,
        threshold: 0,
        left: undefined,
        right: undefined,
        reference: 0,
        latest: 0,
      };
      if (depth === 0) return node;
      let total = 0;
      const sums = boxes.map(([low, high]) => (total += high - low));
      const drawn = random() * total;
      const found = sums.findIndex((sum) => sum > drawn);
      const chosen = found < 0 ? boxes.length - 1 : found;
      const [low, high] = boxes[chosen]!;
      const least = low + 0.15 * (high - low);
      node.feature = present[chosen]!;
      node.threshold = least + (high - 0.15 * (high - low) - least) * random();
      boxes[chosen] = [low, node.threshold];
      node.left = grow(depth - 1);
      boxes[chosen] = [node.threshold, high];
      node.right = grow(depth - 1);
      boxes[chosen] = [low, high];
      return node;
    };
    this.roots = Array.from({ length: this.options.trees }, () => grow(this.options.height));
  }

  private learnScaler(values: readonly number[]): void {
    for (const [column, x] of values.entries()) {
      if (Number.isNaN(x)) continue;
      const s = this.statistics[column]!;
      const old = s.mean;
      s.n++;
      s.mean += (x - old) / s.n;
      s.variance += ((x - old) * (x - s.mean) - s.variance) / s.n;
      if (x < s.least) s.least = x;
      if (x > s.most) s.most = x;
    }
  }

  private scale(values: readonly number[]): number[] {
    return values.map((x, column) => {
      const s = this.statistics[column]!;
      if (this.options.scaler === 0 || Number.isNaN(x)) return x;
      if (this.options.scaler === 2)
        return s.most === s.least ? 0 : (x - s.least) / (s.most - s.least);
      return s.variance === 0 ? 0 : (x - s.mean) / Math.sqrt(s.variance);
    });
  }
}
