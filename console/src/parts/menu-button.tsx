import { type KeyboardEvent, type ReactNode, useId, useLayoutEffect, useRef, useState } from "react";
import { Icon, type IconName } from "./icon.tsx";

export interface MenuItem {
  readonly icon: IconName;
  readonly label: string;
  readonly isDanger?: boolean;
  readonly onChosen: () => void;
}

/** A button that opens a list of things to do. Source: w3.org/WAI/ARIA/apg/patterns/menu-button. */
export function MenuButton(props: {
  readonly label: string;
  readonly icon: IconName;
  readonly items: readonly MenuItem[];
}): ReactNode {
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);
  useDismissal(frame, isOpen, () => setOpen(false));
  const close = (): void => {
    setOpen(false);
    frame.current?.querySelector("button")?.focus();
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape") close();
    else if (!moveWithin(frame.current, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the menu within.
    <div className="menu-frame" ref={frame} onKeyDown={isOpen ? onKey : undefined}>
      <button
        type="button"
        className="icon-button quiet"
        aria-label={props.label}
        title={props.label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name={props.icon} />
      </button>
      {isOpen && (
        <div className="menu" role="menu" id={id} aria-label={props.label}>
          {props.items.map(({ icon, label, isDanger, onChosen }) => (
            <button
              key={label}
              type="button"
              role="menuitem"
              tabIndex={-1}
              className={isDanger === true ? "danger" : undefined}
              onClick={() => {
                close();
                onChosen();
              }}
            >
              <Icon name={icon} /> {label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

/** Puts the focus on the first item, and closes what is open when the person goes elsewhere. */
function useDismissal(
  frame: { readonly current: HTMLElement | null },
  isOpen: boolean,
  close: () => void,
): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: what closes it may be made anew each time.
  useLayoutEffect(() => {
    if (!isOpen) return undefined;
    frame.current?.querySelector<HTMLElement>('[role="menuitem"]')?.focus();
    const onElsewhere = (event: Event): void => {
      if (event.target instanceof Node && frame.current?.contains(event.target) !== true) close();
    };
    document.addEventListener("pointerdown", onElsewhere);
    document.addEventListener("focusin", onElsewhere);
    return () => {
      document.removeEventListener("pointerdown", onElsewhere);
      document.removeEventListener("focusin", onElsewhere);
    };
  }, [isOpen, frame]);
}

function moveWithin(frame: HTMLElement | null, key: string): boolean {
  const items = [...(frame?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const to =
    key === "ArrowDown"
      ? (at + 1) % items.length
      : key === "ArrowUp"
        ? (at + items.length - 1) % items.length
        : key === "Home"
          ? 0
          : key === "End"
            ? items.length - 1
            : undefined;
  if (to === undefined) return false;
  items[to]?.focus();
  return true;
}
