import type { Tool } from "@troupe/contracts";
import { tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";

const MAX_DICE = 100;
const MAX_SIDES = 1_000;
/** `2d6+1`; the letter is written in three ways around here (d, and the Cyrillic д and к). */
const NOTATION = /^(\d{0,4})\s*[dдк]\s*(\d{1,5})(?:\s*([+−-])\s*(\d{1,5}))?$/iu;

/**
 * Rolls dice. External, although nothing outside changes: a roll is an act that people have seen, so it may not happen
 * again in silence with another result. `random` gives numbers from 0 up to, not including, 1.
 */
export function diceTool({ random }: { readonly random: () => number }): Tool {
  return {
    spec: {
      name: "dice",
      description:
        "Rolls dice and tells each result and the sum. Use it for every roll; never make results up.",
      kind: "external",
      timeoutMs: 1_000,
      inputSchema: objectOf({
        notation: {
          type: "string",
          maxLength: 40,
          description:
            "How many dice of how many sides, and what to add: 2d6, d20, 3d8+2. Leave out for one die of six sides.",
        },
      }),
    },
    async run(input, { language }) {
      const { notation = "" } = input as { notation?: string };
      const asked = notation.trim() === "" ? "1d6" : notation.trim();
      const read = NOTATION.exec(asked);
      if (read === null) return { text: tell(language, "dice.bad", { notation: asked }), isError: true };
      const dice = read[1] === "" ? 1 : Number(read[1]);
      const sides = Number(read[2]);
      if (dice < 1 || dice > MAX_DICE || sides < 2 || sides > MAX_SIDES) {
        return { text: tell(language, "dice.bounds", { dice: MAX_DICE, sides: MAX_SIDES }), isError: true };
      }
      const added = Number(read[4] ?? 0) * (read[3] === undefined || read[3] === "+" ? 1 : -1);
      const rolls = Array.from({ length: dice }, () => Math.floor(random() * sides) + 1);
      return { text: resultText(rolls, sides, added) };
    },
  };
}

/** `2d6+1: 3 + 5 + 1 = 9`. */
function resultText(rolls: readonly number[], sides: number, added: number): string {
  const sum = rolls.reduce((total, roll) => total + roll, added);
  const sign = added < 0 ? "-" : "+";
  const name = `${rolls.length}d${sides}${added === 0 ? "" : sign + Math.abs(added)}`;
  const terms = rolls.join(" + ") + (added === 0 ? "" : ` ${sign} ${Math.abs(added)}`);
  return rolls.length === 1 && added === 0 ? `${name}: ${sum}` : `${name}: ${terms} = ${sum}`;
}
