import { type FormEvent, type ReactNode, useState } from "react";
import { exportAddress } from "../api/chat.ts";
import { useWords } from "../words/index.ts";
import { usePage } from "./chat-context.ts";
import { Dialog } from "./dialog.tsx";
import { MenuButton } from "./menu-button.tsx";
import { useDoing } from "./use-doing.ts";

type Open = "rename" | "delete" | undefined;

/** What can be done with a whole conversation. */
export function ThreadMenu(props: { readonly sessionId: string; readonly title: string }): ReactNode {
  const { sessionId, title } = props;
  const words = useWords();
  const [open, setOpen] = useState<Open>();
  const close = (): void => setOpen(undefined);
  return (
    <>
      <MenuButton
        label={words.conversationMenu}
        icon="more"
        items={[
          { icon: "edit", label: words.rename, onChosen: () => setOpen("rename") },
          {
            icon: "save",
            label: words.exportMarkdown,
            onChosen: () => save(exportAddress(sessionId, "markdown")),
          },
          { icon: "save", label: words.exportJson, onChosen: () => save(exportAddress(sessionId, "json")) },
          { icon: "trash", label: words.remove, isDanger: true, onChosen: () => setOpen("delete") },
        ]}
      />
      {open === "rename" && <RenameDialog sessionId={sessionId} title={title} onClose={close} />}
      {open === "delete" && <DeleteDialog sessionId={sessionId} title={title} onClose={close} />}
    </>
  );
}

/** The server names the file and says that it is to be kept, so following the link leaves the page where it is. */
function save(address: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = "";
  link.click();
}

interface DialogProps {
  readonly sessionId: string;
  readonly title: string;
  readonly onClose: () => void;
}

function RenameDialog({ sessionId, title, onClose }: DialogProps): ReactNode {
  const words = useWords();
  const { chat } = usePage();
  const [name, setName] = useState(title);
  const { problem, run } = useDoing(onClose);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(() => chat.rename(sessionId, name));
  };
  return (
    <Dialog title={words.rename} onClose={onClose}>
      <form className="dialog-body" onSubmit={submit}>
        <label htmlFor="name">{words.name}</label>
        <input
          id="name"
          data-focus
          value={name}
          dir="auto"
          maxLength={200}
          onChange={(event) => setName(event.target.value)}
          onFocus={(event) => event.target.select()}
        />
        <p className="fine">{words.renameHint}</p>
        {problem !== "" && <p role="alert">{problem}</p>}
        <p className="buttons end">
          <button type="submit" className="primary">
            {words.save}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

function DeleteDialog({ sessionId, title, onClose }: DialogProps): ReactNode {
  const words = useWords();
  const { chat } = usePage();
  const { problem, run } = useDoing(onClose);
  return (
    <Dialog title={words.removeTitle} onClose={onClose}>
      <div className="dialog-body">
        <p>
          <bdi>{words.removeText(title === "" ? words.untitled : title)}</bdi>
        </p>
        {problem !== "" && <p role="alert">{problem}</p>}
        <p className="buttons end">
          <button type="button" data-focus onClick={onClose}>
            {words.cancel}
          </button>
          <button type="button" className="danger" onClick={() => run(() => chat.remove(sessionId))}>
            {words.remove}
          </button>
        </p>
      </div>
    </Dialog>
  );
}
