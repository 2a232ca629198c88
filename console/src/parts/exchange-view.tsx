import { memo, type ReactNode } from "react";
import type { SessionSummary } from "../api/types.ts";
import type { Exchange, Question } from "../state/exchanges.ts";
import { AnswerView } from "./answer-view.tsx";
import { QuestionView } from "./question-view.tsx";
import { VersionSwitch } from "./version-switch.tsx";

/** What was asked, and what came of it. */
export const ExchangeView = memo(function OneExchange(props: {
  readonly exchange: Exchange;
  readonly threadId: string;
  readonly name: string;
  readonly versions: readonly SessionSummary[];
}): ReactNode {
  const { exchange, threadId, versions } = props;
  return (
    <div className="exchange">
      {exchange.questions.map((question, i) => (
        <QuestionView
          key={question.kind === "kept" ? question.message.id : question.outgoing.key}
          question={question}
          threadId={threadId}
        >
          {i === exchange.questions.length - 1 && <VersionSwitch versions={versions} currentId={threadId} />}
        </QuestionView>
      ))}
      {exchange.turnId !== undefined && <AnswerView {...props} />}
    </div>
  );
}, isSameExchange);

interface Shown {
  readonly exchange: Exchange;
  readonly threadId: string;
  readonly name: string;
  readonly versions: readonly SessionSummary[];
}

/** Exchanges are made anew with every event; most of them hold the same as before. */
function isSameExchange(before: Shown, after: Shown): boolean {
  const { exchange: a } = before;
  const { exchange: b } = after;
  return (
    before.threadId === after.threadId &&
    before.name === after.name &&
    before.versions.length === after.versions.length &&
    before.versions.every(({ id }, i) => id === after.versions[i]?.id) &&
    a.turnId === b.turnId &&
    a.reply === b.reply &&
    a.notice === b.notice &&
    a.turn === b.turn &&
    a.live === b.live &&
    a.questions.length === b.questions.length &&
    a.questions.every((question, i) => isSameQuestion(question, b.questions[i]))
  );
}

function isSameQuestion(a: Question, b: Question | undefined): boolean {
  if (a.kind === "kept") return b?.kind === "kept" && a.message === b.message;
  return b?.kind === "outgoing" && a.outgoing === b.outgoing;
}
