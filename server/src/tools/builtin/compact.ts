import type { Tool } from "@troupe/contracts";
import { tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";

/**
 * Says that the history of the conversation is shortened. The commit that ends the turn puts the effect that does it: it knows
 * what prompts show, and this call does not.
 */
export function compactTool(): Tool {
  return {
    spec: {
      name: "compact",
      description: "Goes on with a summary of what was said before, in place of all of it.",
      kind: "pure",
      inputSchema: objectOf({}),
    },
    run: async (_input, { language }) => ({ text: tell(language, "compact.begun") }),
  };
}
