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
  return tell(language, keyOf(role), { date: dayText(createdAt), text: shortened(text) });
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

function keyOf(role: SearchHit["role"]): ToolText {
  if (role === "memory") return "recall.remembered";
  if (role === "document") return "recall.read";
  return role === "assistant" ? "recall.answered" : "recall.said";
}
