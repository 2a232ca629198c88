/** Numbers that follow from a seed. Source: Mulberry32, by Tommy Ettinger, public domain. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Vectors around a number of centres, as texts lie around their subjects. */
export function clustered(count: number, dimensions: number, seed: number): Float32Array[] {
  const random = randomFrom(seed);
  const normal = (): number => random() + random() + random() + random() - 2;
  const centres = Array.from({ length: 1 + Math.floor(Math.sqrt(count)) }, () =>
    Float32Array.from({ length: dimensions }, normal),
  );
  return Array.from({ length: count }, () => {
    const centre = centres[Math.floor(random() * centres.length)] as Float32Array;
    return centre.map((value) => value + 0.7 * normal());
  });
}
