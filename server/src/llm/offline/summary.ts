import type { ModelRequest } from "@troupe/contracts";
import { detectLanguage } from "../../kit/index.ts";
import { phrasesOf } from "./phrases.ts";

/** How the system message of a summary request begins. */
export const SUMMARY_MARK = "Summarise the conversation so far";

const MAX_CHARACTERS = 600;
const MAX_LATEST = 4;

export function isSummaryRequest(request: ModelRequest): boolean {
  const first = request.messages.find((message) => message.role === "system");
  return first?.text.startsWith(SUMMARY_MARK) ?? false;
}

/**
 * An extract instead of a summary: how the conversation began, and what the person said last. The transcript is lines
 * `user: …` and `assistant: …`, perhaps after `Previous summary: …`; other lines belong to the one before.
 */
export function extractSummary(request: ModelRequest): string {
  const transcript = request.messages.findLast((message) => message.role === "user")?.text ?? "";
  const hinted = request.hints?.language === "uk" ? "uk" : "en";
  const { began, latest: later } = phrasesOf(
    request.hints === undefined ? detectLanguage(transcript) : hinted,
  ).summary;
  const earlier = beginningOf(transcript);
  const said = userLines(transcript);
  const first = earlier ?? said.shift();
  if (first === undefined) return "";
  const latest = said.slice(-MAX_LATEST);
  const share = Math.floor((MAX_CHARACTERS - 40) / (latest.length + 1));
  const begun = began + shorten(first, share);
  return latest.length === 0
    ? begun
    : `${begun}\n${later}${latest.map((line) => shorten(line, share)).join(" / ")}`;
}

/** How the conversation began, from the summary before this one, whichever language that was in. */
function beginningOf(transcript: string): string | undefined {
  const previous = /^Previous summary: ?(.*)$/m.exec(transcript)?.[1]?.trim();
  if (previous === undefined || previous === "") return undefined;
  for (const language of ["en", "uk"] as const) {
    const { began, latest: later } = phrasesOf(language).summary;
    if (previous.startsWith(began)) return previous.slice(began.length).split(` ${later}`)[0]?.trim();
  }
  return previous;
}

function userLines(transcript: string): string[] {
  const lines: string[] = [];
  let isUser = false;
  for (const line of transcript.split("\n")) {
    const start = /^(user|assistant): ?(.*)$/.exec(line);
    if (start !== null) {
      isUser = start[1] === "user";
      if (isUser) lines.push(start[2] ?? "");
    } else if (isUser && lines.length > 0) lines[lines.length - 1] += ` ${line}`;
  }
  return lines.map((line) => line.replace(/\s+/g, " ").trim()).filter((line) => line !== "");
}

function shorten(line: string, limit: number): string {
  const characters = Array.from(line);
  return characters.length <= limit
    ? line
    : `${characters
        .slice(0, limit - 1)
        .join("")
        .trimEnd()}…`;
}
