/** A set of slots, a bit each. What lies beyond its end is not in it. */
export class Bitmap {
  #words: Uint32Array;

  /** `slots`: how many there is room for at once; it grows as they are added. */
  constructor(slots = 0) {
    this.#words = new Uint32Array(Math.ceil(slots / 32));
  }

  get words(): Uint32Array {
    return this.#words;
  }

  has(slot: number): boolean {
    return (((this.#words[slot >>> 5] ?? 0) >>> (slot & 31)) & 1) === 1;
  }

  add(slot: number): void {
    const at = slot >>> 5;
    if (at >= this.#words.length) {
      const grown = new Uint32Array(Math.max(at + 1, 2 * this.#words.length));
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[at] = (this.#words[at] as number) | (1 << (slot & 31));
  }

  delete(slot: number): void {
    const at = slot >>> 5;
    if (at < this.#words.length) this.#words[at] = (this.#words[at] as number) & ~(1 << (slot & 31));
  }
}
