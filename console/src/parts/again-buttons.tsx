import type { ReactNode } from "react";
import type { Exchange } from "../state/exchanges.ts";
import { filesOfMessage, textOfMessage } from "../text/reply-text.ts";
import { useWords } from "../words/index.ts";
import { usePage } from "./chat-context.ts";
import { IconButton } from "./icon.tsx";
import { useDoing } from "./use-doing.ts";

/** The same question once more, and another way on from here; both in a branch, so that this answer stays. */
export function AgainButtons(props: { readonly exchange: Exchange; readonly threadId: string }): ReactNode {
  const { exchange, threadId } = props;
  const words = useWords();
  const { chat } = usePage();
  const { problem, run } = useDoing();
  const [first, ...more] = exchange.questions;
  const reply = exchange.reply;
  if (reply === undefined || first?.kind !== "kept") return null;
  const askAnew = async (): Promise<void> => {
    const asked = [first, ...more].flatMap((one) => (one.kind === "kept" ? [one.message] : []));
    const branch = await chat.branch(threadId, first.message.id, true);
    void chat.send(branch, asked.map(textOfMessage).join("\n\n"), asked.flatMap(filesOfMessage));
  };
  return (
    <>
      <IconButton name="retry" label={words.answerAnew} onClick={() => run(askAnew)} />
      <IconButton
        name="branch"
        label={words.branchHere}
        onClick={() => run(() => chat.branch(threadId, reply.id, false))}
      />
      {problem !== "" && (
        <span className="fine bad" role="alert">
          {problem}
        </span>
      )}
    </>
  );
}
