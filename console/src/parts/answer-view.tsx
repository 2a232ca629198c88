import { type ReactNode, useDeferredValue, useState } from "react";
import type { Exchange } from "../state/exchanges.ts";
import type { LivePart } from "../state/turn-view.ts";
import { timeText } from "../text/format.ts";
import { Markdown } from "../text/markdown.tsx";
import { replyText, textOfMessage } from "../text/reply-text.ts";
import { useLanguage, useWords } from "../words/index.ts";
import { AgainButtons } from "./again-buttons.tsx";
import { AnswerFoot } from "./answer-foot.tsx";
import { Face } from "./side.tsx";
import { TroubleView } from "./trouble-view.tsx";
import { Work } from "./work.tsx";

interface AnswerProps {
  readonly exchange: Exchange;
  readonly threadId: string;
  readonly name: string;
}

/** What came of a turn: the answer as it is written, the kept one, or why there is none. */
export function AnswerView(props: AnswerProps): ReactNode {
  const { exchange, name } = props;
  const words = useWords();
  const language = useLanguage();
  const [isUnfolded, setUnfolded] = useState(false);
  const { reply, live, turn } = exchange;
  const isRunning =
    reply === undefined && exchange.notice === undefined && live !== undefined && live.end === undefined;
  const at = reply?.createdAt ?? turn?.finishedAt ?? Date.now();
  const isEnded =
    !isRunning && (reply !== undefined || live?.end !== undefined || turn?.finishedAt !== undefined);
  return (
    <article
      className="answer"
      data-message={reply?.id}
      aria-label={words.answered(name, timeText(at, language))}
      aria-busy={isRunning}
    >
      <Face name={name} />
      <div className="answer-body">
        {isRunning ? (
          <Running parts={live.parts} isQueued={turn?.state === "queued" && live.n < 0} />
        ) : (
          <Kept exchange={exchange} />
        )}
        <TroubleView {...props} />
        {isEnded && (
          <AnswerFoot {...props} isUnfolded={isUnfolded} onFold={() => setUnfolded(!isUnfolded)}>
            <AgainButtons {...props} />
          </AnswerFoot>
        )}
        {isUnfolded && exchange.turnId !== undefined && <Work turnId={exchange.turnId} reply={reply} />}
      </div>
    </article>
  );
}

function Kept({ exchange }: { readonly exchange: Exchange }): ReactNode {
  const { reply } = exchange;
  const text =
    reply === undefined ? (exchange.notice === undefined ? replyText(exchange) : "") : textOfMessage(reply);
  if (text === "") return null;
  return (
    <div className="said" dir="auto">
      <Markdown text={text} />
    </div>
  );
}

function Running(props: { readonly parts: readonly LivePart[]; readonly isQueued: boolean }): ReactNode {
  const words = useWords();
  const { parts } = props;
  const last = parts.at(-1);
  return (
    <>
      {parts.map((part, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts are only ever added at the end.
        <Part key={i} part={part} isLast={part === last} />
      ))}
      {last?.type !== "text" && (
        <p className="thinking">
          <span className="pulse" aria-hidden="true" />
          {props.isQueued ? words.waiting : words.thinking}
        </p>
      )}
    </>
  );
}

function Part({ part, isLast }: { readonly part: LivePart; readonly isLast: boolean }): ReactNode {
  const words = useWords();
  // A long answer takes a while to draw; what the person types meanwhile does not wait for it.
  const text = useDeferredValue(part.type === "tool" ? "" : part.text);
  if (part.type === "tool") {
    return (
      <p className="live-tool">
        <code>{part.name}</code> {words.toolStates[part.status]}
        {part.detail === undefined ? "" : `: ${part.detail}`}
      </p>
    );
  }
  if (part.type === "reasoning") {
    return (
      <details className="thoughts" open={isLast}>
        <summary>{words.thoughts}</summary>
        <div dir="auto">
          <Markdown text={text} />
        </div>
      </details>
    );
  }
  return (
    <div className={isLast ? "said growing" : "said"} dir="auto">
      <Markdown text={text} />
    </div>
  );
}
