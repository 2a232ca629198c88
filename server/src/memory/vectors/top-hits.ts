/** The best so many of what was scored: a heap with the worst of them on top. Of equal scores the lower place is better. */
export class TopHits {
  readonly #limit: number;
  readonly #places: number[] = [];
  readonly #scores: number[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Nothing that scores this or less can still come in, if its place is above all before it. */
  get threshold(): number {
    return this.#places.length < this.#limit ? Number.NEGATIVE_INFINITY : (this.#scores[0] as number);
  }

  offer(place: number, score: number): void {
    if (this.#places.length < this.#limit) {
      this.#places.push(place);
      this.#scores.push(score);
      this.#rise(this.#places.length - 1);
    } else if (this.#limit > 0 && this.#isBehind(0, place, score)) {
      this.#places[0] = place;
      this.#scores[0] = score;
      this.#sink();
    }
  }

  /** Best first. */
  sorted(): { readonly place: number; readonly score: number }[] {
    return this.#places
      .map((place, at) => ({ place, score: this.#scores[at] as number }))
      .sort((one, other) => other.score - one.score || one.place - other.place);
  }

  #isBehind(at: number, place: number, score: number): boolean {
    const own = this.#scores[at] as number;
    return own < score || (own === score && (this.#places[at] as number) > place);
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      // A parent is behind its children; swap where it is not.
      if (!this.#isBehind(at, this.#places[parent] as number, this.#scores[parent] as number)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(): void {
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      if (left >= this.#places.length) return;
      const right = left + 1;
      const isRightWorse =
        right < this.#places.length &&
        this.#isBehind(right, this.#places[left] as number, this.#scores[left] as number);
      const child = isRightWorse ? right : left;
      if (!this.#isBehind(child, this.#places[at] as number, this.#scores[at] as number)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #swap(one: number, other: number): void {
    [this.#places[one], this.#places[other]] = [this.#places[other] as number, this.#places[one] as number];
    [this.#scores[one], this.#scores[other]] = [this.#scores[other] as number, this.#scores[one] as number];
  }
}
