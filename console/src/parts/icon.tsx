import type { ReactNode } from "react";

/** Strokes on a field of 24. Shapes alone say nothing: each button has a name besides. */
const PATHS = {
  plus: "M12 5v14M5 12h14",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "M5 12.500l4.500 4.500L19 7.500",
  retry: "M4 12a8 8 0 1 0 2.500-5.800M4 4v4.500h4.500",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  more: "M5 11v2M12 11v2M19 11v2M4 12h2M11 12h2M18 12h2",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM20 20l-4-4",
  clip: "M8 12.500l6-6a3 3 0 0 1 4.300 4.300l-8 8a5 5 0 0 1-7-7L11 4",
  down: "M12 5v14M6 13l6 6 6-6",
  chevron: "M9 6l6 6-6 6",
  branch: "M6 4v16M6 14c0-4 12-2 12-8M18 6a2 2 0 1 0 0-.1",
  warn: "M12 4l9 16H3zM12 10v4.500M12 17.500v.01",
  gear: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3v3M12 18v3M3 12h3M18 12h3M5.600 5.600l2.100 2.100M16.300 16.300l2.100 2.100M5.600 18.400l2.100-2.100M16.300 7.700l2.100-2.100",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  tray: "M4 13l3-8h10l3 8v6H4zM4 13h5a3 3 0 0 0 6 0h5",
  save: "M12 4v11M7 10l5 5 5-5M5 20h14",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** A button that is a picture, with its name for those who hear it and for those who hover. */
export function IconButton(props: {
  readonly name: IconName;
  readonly label: string;
  readonly onClick: () => void;
  readonly className?: string;
  readonly isPressed?: boolean;
  readonly isDisabled?: boolean;
}): ReactNode {
  return (
    <button
      type="button"
      className={`icon-button ${props.className ?? "quiet"}`}
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.isPressed}
      disabled={props.isDisabled}
      onClick={props.onClick}
    >
      <Icon name={props.name} />
    </button>
  );
}
