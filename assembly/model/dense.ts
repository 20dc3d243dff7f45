/* float32 matrix arithmetic of the autoencoder, four lanes at a time. Rows of matrices are padded with 0 to multiples of 8. */

export function pad8(n: u32): u32 {
  return (n + 7) & ~7;
}

/**
 * c = a b, or c = bias + a b. `a` is rows x inner with `strideA` floats a row, `b` inner x width with `width` (a multiple of 8)
 * floats a row, as is `c`; rows is a multiple of 4. bias 0 = none.
 */
export function multiply(
  a: u32,
  strideA: u32,
  b: u32,
  bias: u32,
  c: u32,
  rows: u32,
  inner: u32,
  width: u32,
): void {
  const stepA = strideA << 2;
  const stepB = width << 2;
  for (let r: u32 = 0; r < rows; r += 4) {
    const row = a + r * stepA;
    const out = c + r * stepB;
    for (let w: u32 = 0; w < stepB; w += 32) {
      let a0 = bias != 0 ? v128.load(bias + w) : f32x4.splat(0);
      let a1 = bias != 0 ? v128.load(bias + w, 16) : f32x4.splat(0);
      let b0 = a0;
      let b1 = a1;
      let c0 = a0;
      let c1 = a1;
      let d0 = a0;
      let d1 = a1;
      let at = b + w;
      for (let k: u32 = 0; k < inner << 2; k += 4) {
        const low = v128.load(at);
        const high = v128.load(at, 16);
        const x0 = v128.load32_splat(row + k);
        a0 = f32x4.add(a0, f32x4.mul(x0, low));
        a1 = f32x4.add(a1, f32x4.mul(x0, high));
        const x1 = v128.load32_splat(row + stepA + k);
        b0 = f32x4.add(b0, f32x4.mul(x1, low));
        b1 = f32x4.add(b1, f32x4.mul(x1, high));
        const x2 = v128.load32_splat(row + 2 * stepA + k);
        c0 = f32x4.add(c0, f32x4.mul(x2, low));
        c1 = f32x4.add(c1, f32x4.mul(x2, high));
        const x3 = v128.load32_splat(row + 3 * stepA + k);
        d0 = f32x4.add(d0, f32x4.mul(x3, low));
        d1 = f32x4.add(d1, f32x4.mul(x3, high));
        at += stepB;
      }
      v128.store(out + w, a0);
      v128.store(out + w, a1, 16);
      v128.store(out + stepB + w, b0);
      v128.store(out + stepB + w, b1, 16);
      v128.store(out + 2 * stepB + w, c0);
      v128.store(out + 2 * stepB + w, c1, 16);
      v128.store(out + 3 * stepB + w, d0);
      v128.store(out + 3 * stepB + w, d1, 16);
    }
  }
}

/** out (columns x strideOut) = the transpose of rows x columns of `a` with `strideA` floats a row. */
export function transpose(
  a: u32,
  strideA: u32,
  rows: u32,
  columns: u32,
  out: u32,
  strideOut: u32,
): void {
  for (let r: u32 = 0; r < rows; r++) {
    const row = a + ((r * strideA) << 2);
    let at = out + (r << 2);
    for (let c: u32 = 0; c < columns; c++) {
      store<f32>(at, load<f32>(row + (c << 2)));
      at += strideOut << 2;
    }
  }
}

/** out = bias + x b for one row; `out` must not be `x`. */
export function multiplyRow(x: u32, b: u32, bias: u32, out: u32, inner: u32, width: u32): void {
  const step = width << 2;
  let w: u32 = 0;
  for (; w + 64 <= step; w += 64) {
    let s0 = v128.load(bias + w);
    let s1 = v128.load(bias + w, 16);
    let s2 = v128.load(bias + w, 32);
    let s3 = v128.load(bias + w, 48);
    let at = b + w;
    for (let k: u32 = 0; k < inner << 2; k += 4) {
      const factor = v128.load32_splat(x + k);
      s0 = f32x4.add(s0, f32x4.mul(factor, v128.load(at)));
      s1 = f32x4.add(s1, f32x4.mul(factor, v128.load(at, 16)));
      s2 = f32x4.add(s2, f32x4.mul(factor, v128.load(at, 32)));
      s3 = f32x4.add(s3, f32x4.mul(factor, v128.load(at, 48)));
      at += step;
    }
    v128.store(out + w, s0);
    v128.store(out + w, s1, 16);
    v128.store(out + w, s2, 32);
    v128.store(out + w, s3, 48);
  }
  for (; w < step; w += 32) {
    let s0 = v128.load(bias + w);
    let s1 = v128.load(bias + w, 16);
    let at = b + w;
    for (let k: u32 = 0; k < inner << 2; k += 4) {
      const factor = v128.load32_splat(x + k);
      s0 = f32x4.add(s0, f32x4.mul(factor, v128.load(at)));
      s1 = f32x4.add(s1, f32x4.mul(factor, v128.load(at, 16)));
      at += step;
    }
    v128.store(out + w, s0);
    v128.store(out + w, s1, 16);
  }
}
