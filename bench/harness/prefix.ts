/** How many bytes two requests share from their beginning: what a provider's prompt cache can serve again. */
export function commonPrefixBytes(previous: Buffer, next: Buffer): number {
  const shorter = Math.min(previous.length, next.length);
  // Halving with a native comparison is much faster than a loop over bytes; bodies grow to hundreds of kilobytes.
  let known = 0;
  let unknown = shorter;
  while (known < unknown) {
    const middle = (known + unknown + 1) >> 1;
    if (previous.compare(next, known, middle, known, middle) === 0) known = middle;
    else unknown = middle - 1;
  }
  return known;
}
