import { type FormEvent, type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import { flushSync } from "react-dom";
import type { Message } from "../api/types.ts";
import type { Outgoing } from "../state/chat-state.ts";
import type { Question } from "../state/exchanges.ts";
import { timeText } from "../text/format.ts";
import { Markdown } from "../text/markdown.tsx";
import { filesOfMessage, textOfMessage } from "../text/reply-text.ts";
import { useLanguage, useWords } from "../words/index.ts";
import { problemText } from "../words/problem-text.ts";
import { usePage } from "./chat-context.ts";
import { Files } from "./files.tsx";
import { IconButton } from "./icon.tsx";
import { isTouch } from "./touch.ts";
import { useDoing } from "./use-doing.ts";

/** What a person asked, with the way to say it otherwise. */
export function QuestionView(props: {
  readonly question: Question;
  readonly threadId: string;
  /** Beside what can be done with it. */
  readonly children?: ReactNode;
}): ReactNode {
  const { question, threadId } = props;
  const words = useWords();
  const language = useLanguage();
  const [isEditing, setEditing] = useState(false);
  const frame = useRef<HTMLElement>(null);
  const endEditing = (): void => {
    flushSync(() => setEditing(false));
    frame.current?.querySelector<HTMLElement>(".question-foot .small")?.focus();
  };
  const isKept = question.kind === "kept";
  const text = isKept ? textOfMessage(question.message) : question.outgoing.text;
  const files = isKept ? filesOfMessage(question.message) : question.outgoing.files;
  const at = isKept ? question.message.createdAt : question.outgoing.at;
  return (
    <article
      className="question"
      ref={frame}
      aria-label={words.asked(timeText(at, language))}
      data-message={isKept ? question.message.id : undefined}
    >
      <Files files={files} />
      {isEditing && isKept ? (
        <EditForm message={question.message} threadId={threadId} onClose={endEditing} />
      ) : (
        text !== "" && (
          <div className="said" dir="auto">
            <Markdown text={text} />
          </div>
        )
      )}
      <div className="question-foot">
        {props.children}
        {isKept && !isEditing && (
          <IconButton
            name="edit"
            label={words.edit}
            className="quiet small"
            onClick={() => setEditing(true)}
          />
        )}
      </div>
      {!isKept && <Sending outgoing={question.outgoing} threadId={threadId} />}
    </article>
  );
}

/** What is said otherwise begins a branch: what was said before stays. */
function EditForm(props: {
  readonly message: Message;
  readonly threadId: string;
  readonly onClose: () => void;
}): ReactNode {
  const { message, threadId, onClose } = props;
  const words = useWords();
  const { chat } = usePage();
  const [text, setText] = useState(() => textOfMessage(message));
  const { problem, run } = useDoing(onClose);
  const submit = (event?: FormEvent): void => {
    event?.preventDefault();
    if (text.trim() === "") return;
    run(async () => {
      const branch = await chat.branch(threadId, message.id, true);
      void chat.send(branch, text, filesOfMessage(message));
    });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") onClose();
    if (event.key !== "Enter" || event.shiftKey || isTouch()) return;
    event.preventDefault();
    submit();
  };
  return (
    <form className="edit" onSubmit={submit}>
      <textarea
        // biome-ignore lint/a11y/noAutofocus: the person just asked to write here.
        autoFocus
        value={text}
        dir="auto"
        aria-label={words.edit}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <p className="fine">{words.editHint}</p>
      {problem !== "" && <p role="alert">{problem}</p>}
      <p className="buttons end">
        <button type="button" className="quiet" onClick={onClose}>
          {words.cancel}
        </button>
        <button type="submit" className="primary">
          {words.send}
        </button>
      </p>
    </form>
  );
}

function Sending(props: { readonly outgoing: Outgoing; readonly threadId: string }): ReactNode {
  const { outgoing, threadId } = props;
  const words = useWords();
  const { chat } = usePage();
  if (outgoing.state === "accepted") return null;
  if (outgoing.state === "sending") return <p className="fine">{words.sending}</p>;
  const why = problemText(words, outgoing.problem);
  return (
    <div className="trouble" role="alert">
      <p>
        {words.notSent} {why}
      </p>
      <p className="buttons">
        <button type="button" onClick={() => void chat.sendAgain(threadId, outgoing.key)}>
          {words.sendAgain}
        </button>
        <button type="button" className="quiet" onClick={() => chat.discard(threadId, outgoing.key)}>
          {words.discard}
        </button>
      </p>
    </div>
  );
}
