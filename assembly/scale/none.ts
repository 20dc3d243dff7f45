/* No scaling: x' = x. Mean and variance are kept for explanations alone. */

export const NONE_PAIR: u32 = 32;
