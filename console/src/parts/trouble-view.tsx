import type { ReactNode } from "react";
import type { Outgoing } from "../state/chat-state.ts";
import type { Exchange } from "../state/exchanges.ts";
import { filesOfMessage, textOfMessage } from "../text/reply-text.ts";
import { useWords, type Words } from "../words/index.ts";
import { usePage } from "./chat-context.ts";
import { CopyLine } from "./copy-line.tsx";
import { Icon } from "./icon.tsx";
import { useDoing } from "./use-doing.ts";

/** Why a turn has no answer, with its reference, and the way to ask again. Nothing where all is well. */
export function TroubleView(props: { readonly exchange: Exchange; readonly threadId: string }): ReactNode {
  const { exchange, threadId } = props;
  const words = useWords();
  const { chat } = usePage();
  const { isDoing, run } = useDoing();
  const state = exchange.live?.end?.state ?? exchange.turn?.state;
  const why = reasonOf(exchange, words);
  if (why === undefined) return null;
  const question = questionOf(exchange);
  const isBad = state === "failed" || state === "dead";
  return (
    <div className={isBad ? "trouble" : "aside"} role={isBad ? "alert" : undefined}>
      <p>
        {isBad && <Icon name="warn" />} <bdi>{why}</bdi>
      </p>
      {isBad && exchange.turnId !== undefined && !why.includes(exchange.turnId) && (
        <CopyLine text={`./troupe turn show ${exchange.turnId}`} />
      )}
      {question !== undefined && state !== "suppressed" && (
        <p className="buttons">
          <button
            type="button"
            disabled={isDoing}
            onClick={() => run(() => chat.send(threadId, question.text, question.files))}
          >
            <Icon name="retry" /> {words.askAgain}
          </button>
        </p>
      )}
    </div>
  );
}

function reasonOf({ notice, turn, live, reply }: Exchange, words: Words): string | undefined {
  if (notice !== undefined) return textOfMessage(notice);
  const state = live?.end?.state ?? turn?.state;
  const error = live?.end?.error ?? turn?.error;
  if (state === "failed" || state === "dead") return error?.message ?? words.failed;
  if (state === "cancelled") return words.stopped;
  if (state === "suppressed" && reply === undefined) return words.suppressed;
  return undefined;
}

/** All that was asked in the turn, as one message. */
function questionOf({ questions }: Exchange): Pick<Outgoing, "text" | "files"> | undefined {
  if (questions.length === 0) return undefined;
  const asked = questions.map((one) =>
    one.kind === "kept"
      ? { text: textOfMessage(one.message), files: filesOfMessage(one.message) }
      : one.outgoing,
  );
  return {
    text: asked.map(({ text }) => text).join("\n\n"),
    files: asked.flatMap(({ files }) => files),
  };
}
