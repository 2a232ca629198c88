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
    const element = dialog.current;
    element?.showModal();
    // The browser would take the button that closes it, which comes first.
    element?.querySelector<HTMLElement>("[data-focus]")?.focus();
    // Taken from the page while it is open, a dialog would give the focus back to nobody.
    return () => element?.close();
  }, []);
  const onClose = (): void => {
    // Told late: by then it may be open again, where effects run twice.
    if (dialog.current?.open !== true) props.onClose();
  };
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <div className="dialog-head">
        <h2 id={id}>{props.title}</h2>
        <IconButton name="close" label={words.close} onClick={() => dialog.current?.close()} />
      </div>
      {props.children}
    </dialog>
  );
}
