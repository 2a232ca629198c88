import type { ReactNode } from "react";
import type { Exchange } from "../state/exchanges.ts";
import { textOfMessage } from "../text/reply-text.ts";
import { useWords, type Words } from "../words/index.ts";
import { usePage } from "./chat-context.ts";
import { CopyLine } from "./copy-line.tsx";
import { Icon } from "./icon.tsx";

/** Why a turn has no answer, with its reference, and the way to ask again. Nothing where all is well. */
export function TroubleView(props: { readonly exchange: Exchange; readonly threadId: string }): ReactNode {
  const { exchange, threadId } = props;
  const words = useWords();
  const { chat } = usePage();
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
          <button type="button" onClick={() => void chat.send(threadId, question)}>
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

/** All that was asked in the turn, as one text. */
export function questionOf({ questions }: Exchange): string | undefined {
  const texts = questions.map((one) =>
    one.kind === "kept" ? textOfMessage(one.message) : one.outgoing.text,
  );
  return texts.length === 0 ? undefined : texts.join("\n\n");
}
