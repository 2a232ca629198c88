/** A compiled subject pattern: words joined by dots, `*` for one word, a final `>` for one or more. */
export interface SubjectPattern {
  /** The pattern has no wildcard, so that looking it up is enough. */
  readonly isPlain: boolean;
  matches(subject: string): boolean;
}

export function compilePattern(pattern: string): SubjectPattern {
  const words = pattern.split(".");
  const isOpen = words.at(-1) === ">";
  const fixed = isOpen ? words.slice(0, -1) : words;
  if (!isOpen && !words.includes("*")) return { isPlain: true, matches: (subject) => subject === pattern };
  return {
    isPlain: false,
    matches(subject) {
      const said = subject.split(".");
      if (isOpen ? said.length <= fixed.length : said.length !== fixed.length) return false;
      return fixed.every((word, i) => word === "*" || word === said[i]);
    },
  };
}
