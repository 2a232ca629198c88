/** @typedef {import("./sources.mjs").Matrix} Matrix */

const SWEEPS = 30;
const POWER_STEPS = 60;

/** @param {ArrayLike<number>} from @param {number} at */
const n = (from, at) => /** @type {number} */ (from[at]);

/**
 * Both sources beside each other: centred, of the same spread, the second one as long as its rows' direction alone says
 * and counted by `share`.
 *
 * @param {Matrix} first @param {Matrix} second @param {number} share @returns {Matrix}
 */
export function mixed(first, second, share) {
  const left = spread(centred(first));
  const right = spread(centred(unitRows(second)));
  const count = left.rows.length / left.columns;
  const columns = left.columns + right.columns;
  const rows = new Float64Array(count * columns);
  for (let row = 0; row < count; row++) {
    for (let j = 0; j < left.columns; j++) rows[row * columns + j] = n(left.rows, row * left.columns + j);
    for (let j = 0; j < right.columns; j++)
      rows[row * columns + left.columns + j] = share * n(right.rows, row * right.columns + j);
  }
  return { rows, columns };
}

/** @param {Matrix} matrix @returns {Matrix} */
function unitRows({ rows, columns }) {
  const unit = Float64Array.from(rows);
  for (let at = 0; at < rows.length; at += columns) {
    let squares = 0;
    for (let j = 0; j < columns; j++) squares += n(rows, at + j) ** 2;
    const length = Math.sqrt(squares) || 1;
    for (let j = 0; j < columns; j++) unit[at + j] = n(rows, at + j) / length;
  }
  return { rows: unit, columns };
}

/** @param {Matrix} matrix @returns {Matrix} */
function centred({ rows, columns }) {
  const mean = new Float64Array(columns);
  for (let at = 0; at < rows.length; at++) mean[at % columns] = n(mean, at % columns) + n(rows, at);
  const count = rows.length / columns;
  return { rows: rows.map((value, at) => value - n(mean, at % columns) / count), columns };
}

/** Of a mean square of 1 a row. @param {Matrix} matrix @returns {Matrix} */
function spread({ rows, columns }) {
  let squares = 0;
  for (const value of rows) squares += value * value;
  const scale = Math.sqrt(squares / (rows.length / columns));
  return { rows: rows.map((value) => value / scale), columns };
}

/**
 * The rows by the directions in which they differ most, the strongest first.
 *
 * @param {Matrix} matrix @param {number} dimensions @returns {Matrix}
 */
export function principalRows({ rows, columns }, dimensions) {
  const { values, vectors } = eigen(covariance({ rows, columns }), columns);
  const order = [...values.keys()].sort((a, b) => n(values, b) - n(values, a)).slice(0, dimensions);
  const basis = order.map((place) =>
    towardsPositive(vectors.subarray(place * columns, (place + 1) * columns)),
  );
  const count = rows.length / columns;
  const reduced = new Float64Array(count * dimensions);
  for (let row = 0; row < count; row++) {
    for (const [k, direction] of basis.entries()) {
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += n(direction, j) * n(rows, row * columns + j);
      reduced[row * dimensions + k] = sum;
    }
  }
  return { rows: reduced, columns: dimensions };
}

/** @param {Matrix} matrix */
function covariance({ rows, columns }) {
  const sums = new Float64Array(columns * columns);
  for (let at = 0; at < rows.length; at += columns) {
    for (let i = 0; i < columns; i++) {
      const value = n(rows, at + i);
      for (let j = i; j < columns; j++)
        sums[i * columns + j] = n(sums, i * columns + j) + value * n(rows, at + j);
    }
  }
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < i; j++) sums[i * columns + j] = n(sums, j * columns + i);
  return sums;
}

/** A direction and its opposite are the same finding; one of them is chosen. @param {Float64Array} direction */
function towardsPositive(direction) {
  let largest = 0;
  for (const value of direction) if (Math.abs(value) > Math.abs(largest)) largest = value;
  return largest < 0 ? direction.map((value) => -value) : direction;
}

/**
 * Eigenvalues and eigenvectors (as rows) of a symmetric matrix, by Jacobi's rotations in cyclic order. Source: Golub and
 * Van Loan, Matrix Computations, §8.5.
 *
 * @param {Float64Array} matrix @param {number} size
 */
function eigen(matrix, size) {
  const a = Float64Array.from(matrix);
  const vectors = new Float64Array(size * size);
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1;
  let whole = 0;
  for (const value of a) whole += value * value;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let off = 0;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) off += n(a, p * size + q) ** 2;
    if (off <= whole * 1e-24) break;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, vectors, size, p, q);
  }
  return { values: Float64Array.from({ length: size }, (_, i) => n(a, i * size + i)), vectors };
}

/** @param {Float64Array} a @param {Float64Array} vectors @param {number} size @param {number} p @param {number} q */
function rotate(a, vectors, size, p, q) {
  const apq = n(a, p * size + q);
  if (apq === 0) return;
  const tau = (n(a, q * size + q) - n(a, p * size + p)) / (2 * apq);
  const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.sqrt(1 + tau * tau));
  const c = 1 / Math.sqrt(1 + t * t);
  const s = t * c;
  for (const rows of [a, vectors]) {
    for (let j = 0; j < size; j++) {
      const x = n(rows, p * size + j);
      const y = n(rows, q * size + j);
      rows[p * size + j] = c * x - s * y;
      rows[q * size + j] = s * x + c * y;
    }
  }
  for (let i = 0; i < size; i++) {
    const x = n(a, i * size + p);
    const y = n(a, i * size + q);
    a[i * size + p] = c * x - s * y;
    a[i * size + q] = s * x + c * y;
  }
}

/**
 * The direction that weighted words share most: what nearly every text has, and so tells nothing.
 *
 * @param {Matrix} matrix @param {{ readonly weights: Float64Array, readonly shares: Float64Array }} words
 */
export function commonComponent({ rows, columns }, { weights, shares }) {
  /** @type {Float64Array} */
  let direction = Float64Array.from({ length: columns }, () => 1 / Math.sqrt(columns));
  for (let step = 0; step < POWER_STEPS; step++) {
    const next = new Float64Array(columns);
    for (let row = 0; row < weights.length; row++) {
      let along = 0;
      for (let j = 0; j < columns; j++) along += n(rows, row * columns + j) * n(direction, j);
      along *= n(shares, row) * n(weights, row) ** 2;
      for (let j = 0; j < columns; j++) next[j] = n(next, j) + along * n(rows, row * columns + j);
    }
    direction = unitRows({ rows: next, columns }).rows;
  }
  return direction;
}
