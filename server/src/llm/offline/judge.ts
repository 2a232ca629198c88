import type { ModelRequest } from "@troupe/contracts";
import { detectLanguage } from "../../kit/index.ts";
import { phrasesOf } from "./phrases.ts";
import { isSameWord, wordsOf } from "./words.ts";

/** How the system message of a question for conditions begins. */
const JUDGE_MARK = "Say which of these conditions hold";

export function isJudgeRequest(request: ModelRequest): boolean {
  return request.messages[0]?.role === "system" && request.messages[0].text.startsWith(JUDGE_MARK);
}

/** The numbers of the conditions all of whose words that carry something were said; a wrong yes costs more than a wrong no. */
export function judgeConditions(request: ModelRequest): string {
  const lines = (request.messages.at(-1)?.text ?? "").split("\n");
  const said = lines.flatMap((line) => /^(?:user|assistant): (.*)$/.exec(line)?.[1] ?? []);
  const words = wordsOf(said.join("\n"));
  const held = lines.flatMap((line) => {
    const [, number = "", condition = ""] = /^(\d+)\. (.*)$/.exec(line) ?? [];
    const { emptyWords } = phrasesOf(detectLanguage(condition));
    const wanted = wordsOf(condition).filter(({ text }) => !emptyWords.includes(text));
    const holds = wanted.every(({ text }) => words.some((one) => isSameWord(one.text, text)));
    return number !== "" && wanted.length > 0 && holds ? [number] : [];
  });
  return held.length === 0 ? "none" : held.join(", ");
}
