import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { useWords } from "../words/index.ts";
import { IconButton } from "./icon.tsx";

/** A window over the page. The browser keeps the focus in it and gives it back; Escape closes it. */
export function Dialog(props: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}): ReactNode {
  const words = useWords();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    dialog.current?.showModal();
    // The browser would take the button that closes it, which comes first.
    dialog.current?.querySelector<HTMLElement>("[data-focus]")?.focus();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={props.onClose}>
      <div className="dialog-head">
        <h2 id={id}>{props.title}</h2>
        <IconButton name="close" label={words.close} onClick={() => dialog.current?.close()} />
      </div>
      {props.children}
    </dialog>
  );
}
