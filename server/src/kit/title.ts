const MAX_CHARACTERS = 60;
/** A sentence ends at its mark when something that is not part of it follows; `3.5` and `v2.0` go on. */
const FIRST_SENTENCE = /^.*?[.!?…]+(?=\s|$)/u;

/** A title for what begins with `text`: its first sentence, at most 60 characters, cut between words. Empty for no text. */
export function titleOf(text: string): string {
  const line = text
    .slice(0, 2_000)
    .split(/\r?\n/)
    .map((one) => one.replace(/^[\s#>*-]+/, "").trim())
    .find((one) => one !== "");
  if (line === undefined) return "";
  const sentence = (FIRST_SENTENCE.exec(line)?.[0] ?? line).replace(/\s+/g, " ").replace(/\.$/, "");
  const characters = [...sentence];
  if (characters.length <= MAX_CHARACTERS) return sentence;
  const cut = characters.slice(0, MAX_CHARACTERS).join("");
  const boundary = cut.lastIndexOf(" ");
  // A single word longer than the title is cut inside; a boundary near the start would leave too little to recognise.
  const kept =
    boundary >= MAX_CHARACTERS / 3
      ? cut.slice(0, boundary)
      : characters.slice(0, MAX_CHARACTERS - 1).join("");
  return `${kept.replace(/[\s,;:–—-]+$/u, "")}…`;
}
