import type { ReactNode } from "react";
import type { SessionSummary } from "../api/types.ts";
import { useWords } from "../words/index.ts";
import { usePage } from "./chat-context.ts";
import { Icon } from "./icon.tsx";

/** Steps between the versions of a conversation, where they part. */
export function VersionSwitch(props: {
  readonly versions: readonly SessionSummary[];
  readonly currentId: string;
}): ReactNode {
  const { versions, currentId } = props;
  const words = useWords();
  const { chat } = usePage();
  const at = versions.findIndex(({ id }) => id === currentId);
  if (versions.length < 2 || at < 0) return null;
  const step = (by: number, label: string): ReactNode => {
    const target = versions[at + by];
    return (
      <button
        type="button"
        className={`icon-button quiet ${by < 0 ? "back" : "forth"}`}
        aria-label={label}
        title={label}
        disabled={target === undefined}
        onClick={() => target !== undefined && chat.open(target.id)}
      >
        <Icon name="chevron" />
      </button>
    );
  };
  return (
    <fieldset className="versions" aria-label={words.versions}>
      {step(-1, words.versionBefore)}
      <span>{words.versionOf(at + 1, versions.length)}</span>
      {step(1, words.versionAfter)}
    </fieldset>
  );
}
