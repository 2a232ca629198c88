import { type ReactNode, useEffect, useRef, useState } from "react";
import { isBusy } from "../state/chat-state.ts";
import { exchangesOf } from "../state/exchanges.ts";
import { spokenText } from "../text/format.ts";
import { replyText } from "../text/reply-text.ts";
import { useWords } from "../words/index.ts";
import { useAgentName, useChat } from "./chat-context.ts";

const LONGEST_SPOKEN = 1_200;

/**
 * Tells those who listen what happens in the conversation: that an answer is being written, and then the whole of it, once. Words
 * that come one by one would be read over and over.
 */
export function Announcer(): ReactNode {
  const words = useWords();
  const thread = useChat((state) => state.threads[state.current ?? ""]);
  const name = useAgentName(thread?.agentId ?? "");
  const busy = isBusy(thread);
  const was = useRef({ id: thread?.id, busy });
  const [said, setSaid] = useState("");
  useEffect(() => {
    const isSame = was.current.id === thread?.id;
    const before = was.current.busy;
    was.current = { id: thread?.id, busy };
    if (!isSame || before === busy || thread === undefined) return;
    if (busy) {
      setSaid(words.isAnswering(name));
      return;
    }
    const last = exchangesOf(thread).at(-1);
    const text = last === undefined ? "" : replyText(last);
    if (text !== "") setSaid(words.says(name, spokenText(text, words.codeSpoken).slice(0, LONGEST_SPOKEN)));
  }, [thread, busy, words, name]);
  return (
    <p className="unseen" role="status" aria-live="polite">
      {said}
    </p>
  );
}
