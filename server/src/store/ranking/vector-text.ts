import { endianness } from "node:os";

const IS_LITTLE = endianness() === "LE";

/** Numbers stand little-endian whatever the machine: another one may read them. */
export function base64Of(vector: Float32Array): string {
  if (IS_LITTLE) return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
  const bytes = Buffer.alloc(4 * vector.length);
  for (const [at, value] of vector.entries()) bytes.writeFloatLE(value, 4 * at);
  return bytes.toString("base64");
}

/** Undefined where the numbers are not as many as is said. */
export function vectorOf(numbers: string, dimensions: number): Float32Array | undefined {
  const bytes = Buffer.from(numbers, "base64");
  if (bytes.length !== 4 * dimensions) return undefined;
  // Where it begins is not always a multiple of four.
  if (IS_LITTLE && bytes.byteOffset % 4 === 0)
    return new Float32Array(bytes.buffer, bytes.byteOffset, dimensions);
  return Float32Array.from({ length: dimensions }, (_, at) => bytes.readFloatLE(4 * at));
}
