/** What an agent asks to be written into one of its files. */
export interface Change {
  readonly text: string;
  /** A passage that the text takes the place of; absent: the text is added at the end. */
  readonly replaces?: string;
}

/**
 * The file with the change in it; the same text where it stands in it already, so that a repetition changes nothing. Undefined
 * where the passage is not there.
 */
export function changed(content: string, { text, replaces }: Change): string | undefined {
  if (replaces !== undefined) {
    const at = content.indexOf(replaces);
    if (at >= 0) return content.slice(0, at) + text + content.slice(at + replaces.length);
    return text !== "" && content.includes(text) ? content : undefined;
  }
  return stands(content, text) ? content : `${withEnd(content)}${withEnd(text)}`;
}

function stands(content: string, text: string): boolean {
  return `\n${withEnd(content)}`.includes(`\n${withEnd(text)}`);
}

function withEnd(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
