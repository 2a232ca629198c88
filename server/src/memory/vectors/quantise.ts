const ROW_LIMIT = 127;
/** The question may be finer than the rows, as long as no sum of products outgrows 32 bits. */
const QUERY_LIMIT = 4095;
export const MAX_DIMENSIONS = 4096;

/**
 * Writes the direction of a vector as signed bytes, the largest of them 127, and gives what a byte is worth. A vector of
 * zeros is worth nothing.
 */
export function quantiseRow(vector: Float32Array, row: Int8Array): number {
  const { largest, length } = measure(vector);
  row.fill(0);
  if (length === 0) return 0;
  const step = largest / ROW_LIMIT;
  for (let at = 0; at < vector.length; at++) row[at] = Math.round((vector[at] as number) / step);
  return step / length;
}

/** The direction of a question, and what a number of it is worth. */
export function quantiseQuery(vector: Float32Array): {
  readonly numbers: Int16Array;
  readonly worth: number;
} {
  const { largest, length } = measure(vector);
  const numbers = new Int16Array(vector.length);
  if (length === 0) return { numbers, worth: 0 };
  const step = largest / QUERY_LIMIT;
  for (let at = 0; at < vector.length; at++) numbers[at] = Math.round((vector[at] as number) / step);
  return { numbers, worth: step / length };
}

function measure(vector: Float32Array): { readonly largest: number; readonly length: number } {
  let largest = 0;
  let squares = 0;
  for (const value of vector) {
    if (Math.abs(value) > largest) largest = Math.abs(value);
    squares += value * value;
  }
  return { largest, length: Math.sqrt(squares) };
}

/** Cosine of the angle between two vectors of one length; 0 where one of them has no direction. */
export function cosine(one: Float32Array, other: Float32Array): number {
  let dot = 0;
  let left = 0;
  let right = 0;
  for (let at = 0; at < one.length; at++) {
    const x = one[at] as number;
    const y = other[at] as number;
    dot += x * y;
    left += x * x;
    right += y * y;
  }
  return left === 0 || right === 0 ? 0 : dot / Math.sqrt(left * right);
}
