/** Ordinary words, so that full-text search has both common and rare ones to deal with. */
const WORDS =
  "the a to we and of in is it you that for on with this be are have can will not about from when what how there time one if would please more some today could week good day help think plan meeting train house garden river letter morning question window paper summer music kitchen report doctor winter ticket harbour lantern violin orchard compass meadow saffron glacier telescope".split(
    " ",
  );
const WORDS_A_MESSAGE = 14;

/** The message with the number `number`: the same in each run and for each peer. Early words come more often. */
export function messageText(kind: "plain" | "tool", number: number): string {
  let state = number * 2_654_435_761;
  const words: string[] = [];
  for (let count = 0; count < WORDS_A_MESSAGE; count++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const share = state / 2 ** 32;
    words.push(WORDS[Math.floor(share * share * WORDS.length)] as string);
  }
  return `Message ${number}: ${words.join(" ")}${kind === "tool" ? ", use the tool" : ""}.`;
}
