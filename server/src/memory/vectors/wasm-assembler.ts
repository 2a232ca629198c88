/**
 * Just enough of WebAssembly's binary format to write one function by hand. Source: WebAssembly Core Specification 2.0,
 * chapter 5 (binary format) and the SIMD instructions of 5.4.8.
 */
export type Code = readonly number[];

export const I32 = 0x7f;
export const F32 = 0x7d;
export const V128 = 0x7b;
const EMPTY_BLOCK = 0x40;

/** Unsigned LEB128. */
export function unsigned(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** Signed LEB128 of a 32-bit number. */
function signed(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}

const simd = (opcode: number): Code => [0xfd, ...unsigned(opcode)];
/** Alignment is a hint as a power of two, the offset is added to the address on the stack. */
const at = (alignment: number, offset = 0): Code => [alignment, ...unsigned(offset)];

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number): Code => [0x21, ...unsigned(local)];
export const i32 = (value: number): Code => [0x41, ...signed(value)];
export const add: Code = [0x6a];
export const multiply: Code = [0x6c];
export const and: Code = [0x71];
export const shiftLeft: Code = [0x74];
export const shiftRight: Code = [0x76];
export const isZero: Code = [0x45];
export const isBelow: Code = [0x49];
export const isNotBelow: Code = [0x4f];
export const loadByte: Code = [0x2d, ...at(0)];
export const loadLong: Code = [0x29, ...at(0)];
export const isZeroLong: Code = [0x50];
export const loadFloat: Code = [0x2a, ...at(2)];
export const storeInt: Code = [0x36, ...at(2)];
export const storeFloat = (offset: number): Code => [0x38, ...at(2, offset)];
export const toFloat: Code = [0xb2];
export const multiplyFloat: Code = [0x94];
export const isAboveFloat: Code = [0x5e];
/** Eight signed bytes, each made 16 bits wide. */
export const loadWidened = (offset: number): Code => [...simd(0x01), ...at(0, offset)];
export const loadVector = (offset: number): Code => [...simd(0x00), ...at(0, offset)];
export const zeroVector: Code = [...simd(0x0c), ...new Array<number>(16).fill(0)];
/** Eight products of 16-bit numbers, neighbours added: four 32-bit sums. */
export const dotPairs: Code = simd(0xba);
export const addVector: Code = simd(0xae);
export const lane = (index: number): Code => [...simd(0x1b), index];

export const block = (...body: readonly Code[]): Code => [0x02, EMPTY_BLOCK, ...body.flat(), 0x0b];
export const loop = (...body: readonly Code[]): Code => [0x03, EMPTY_BLOCK, ...body.flat(), 0x0b];
export const when = (...body: readonly Code[]): Code => [0x04, EMPTY_BLOCK, ...body.flat(), 0x0b];
/** Leaves the block, or repeats the loop, that is so many levels out. */
export const branch = (levels: number): Code => [0x0c, ...unsigned(levels)];
export const branchIf = (levels: number): Code => [0x0d, ...unsigned(levels)];

export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly number[];
  readonly result: number;
  /** Each local after the parameters, in their order. */
  readonly locals: readonly number[];
  readonly body: readonly Code[];
}

/** A module that imports the shared memory `env.memory` of at most `maxPages` and exports one function. */
export function assemble(
  { name, parameters, result, locals, body }: WasmFunction,
  maxPages: number,
): Uint8Array<ArrayBuffer> {
  const type = [0x60, ...vector(parameters.map((one) => [one])), ...vector([[result]])];
  const sharedWithMaximum = 0x03;
  const memory = [
    ...text("env"),
    ...text("memory"),
    0x02,
    sharedWithMaximum,
    ...unsigned(1),
    ...unsigned(maxPages),
  ];
  const code = [...vector(locals.map((one) => [1, one])), ...body.flat(), 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [type]),
    ...section(2, [memory]),
    ...section(3, [unsigned(0)]),
    ...section(7, [[...text(name), 0x00, ...unsigned(0)]]),
    ...section(10, [[...unsigned(code.length), ...code]]),
  ]);
}

function section(id: number, entries: readonly Code[]): Code {
  const content = vector(entries);
  return [id, ...unsigned(content.length), ...content];
}

function vector(entries: readonly Code[]): Code {
  return [...unsigned(entries.length), ...entries.flat()];
}

function text(value: string): Code {
  return vector([...new TextEncoder().encode(value)].map((byte) => [byte]));
}
