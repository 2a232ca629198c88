import type { SearchHit } from "@troupe/contracts";
import { dayText, type ToolText, tell } from "../catalogue/index.ts";

const MAX_LINE_CHARACTERS = 300;

/** What was said or remembered, as one line: its day, who said it, its words. */
export function lineOf(
  {
    role,
    createdAt,
    text,
  }: { readonly role: SearchHit["role"]; readonly createdAt: number; readonly text: string },
  language: string,
): string {
  const date = dayText(createdAt);
  if (role !== "document") return tell(language, keyOf(role), { date, text: shortened(text) });
  // Its first line is its title and the place in it.
  const [place = "", ...rest] = text.split("\n");
  return tell(language, "recall.read", { date, place: shortened(place), text: shortened(rest.join("\n")) });
}

/** The beginning of a text, on one line. */
export function shortened(text: string, limit: number = MAX_LINE_CHARACTERS): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= limit
    ? line
    : `${line
        .slice(0, limit - 1)
        .toWellFormed()
        .trimEnd()}…`;
}

function keyOf(role: Exclude<SearchHit["role"], "document">): ToolText {
  if (role === "memory") return "recall.remembered";
  return role === "assistant" ? "recall.answered" : "recall.said";
}
