import type { ReactNode } from "react";
import type { Exchange } from "../state/exchanges.ts";
import { countText, durationText, moneyText } from "../text/format.ts";
import { replyText } from "../text/reply-text.ts";
import { type Language, useLanguage, useWords, type Words } from "../words/index.ts";
import { useCopy } from "./copy-line.tsx";
import { Icon, IconButton } from "./icon.tsx";

/** Time, tokens and cost of an answer, and what can be done with it. */
export function AnswerFoot(props: {
  readonly exchange: Exchange;
  readonly isUnfolded: boolean;
  readonly onFold: () => void;
  readonly children?: ReactNode;
}): ReactNode {
  const { exchange, isUnfolded } = props;
  const words = useWords();
  const language = useLanguage();
  const { isCopied, copy } = useCopy();
  const text = replyText(exchange);
  const facts = factsOf(exchange, words, language);
  return (
    <div className="answer-foot">
      {exchange.reply !== undefined && text !== "" && (
        <IconButton
          name={isCopied ? "check" : "copy"}
          label={isCopied ? words.copied : words.copyAnswer}
          onClick={() => copy(text)}
        />
      )}
      {props.children}
      <button
        type="button"
        className="quiet facts"
        aria-expanded={isUnfolded}
        aria-label={`${isUnfolded ? words.hideDetails : words.details}. ${facts}`}
        title={isUnfolded ? words.hideDetails : words.details}
        onClick={props.onFold}
      >
        <span className={isUnfolded ? "chevron open" : "chevron"}>
          <Icon name="chevron" />
        </span>
        {facts}
      </button>
    </div>
  );
}

function factsOf({ turn, live }: Exchange, words: Words, language: Language): string {
  const usage = turn?.usage ?? live?.end?.usage;
  const costMicroUsd = turn?.costMicroUsd ?? (live?.end?.costUsd ?? 0) * 1_000_000;
  const facts: string[] = [];
  if (turn?.finishedAt !== undefined) facts.push(durationText(turn.finishedAt - turn.createdAt, language));
  if (usage !== undefined && usage.inputTokens + usage.outputTokens > 0) {
    facts.push(words.tokens(countText(usage.inputTokens, language), countText(usage.outputTokens, language)));
  }
  if (costMicroUsd > 0) facts.push(moneyText(costMicroUsd, language));
  return facts.length === 0 ? words.details : facts.join(" · ");
}
