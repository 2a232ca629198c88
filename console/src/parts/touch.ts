/** Fingers are what the page is used with: Enter begins a line there, and a keyboard covers half of what one came to read. */
export function isTouch(): boolean {
  return matchMedia("(pointer: coarse)").matches;
}
