import { widthOf } from "../output.ts";

/** Breaks a stream of text at spaces, so that no word is cut at the edge of the screen. */
export interface Wrapper {
  /** What can be shown of everything so far; an unfinished word waits for its rest. */
  push(text: string): string;
  /** The word that still waits. */
  flush(): string;
}

export function createWrapper(columns: number): Wrapper {
  let column = 0;
  let word = "";
  let space = "";

  const place = (): string => {
    if (word === "" && space === "") return "";
    const width = widthOf(word);
    const gap = widthOf(space);
    const fits = column + gap + width <= columns || column === 0;
    const text = fits ? space + word : `\n${word}`;
    column = fits ? column + gap + width : width;
    // A word that is longer than the screen is wide is broken by the screen.
    if (column > columns) column %= columns;
    word = "";
    space = "";
    return text;
  };

  return {
    push(text) {
      let out = "";
      for (const piece of text.split(/(\n| +)/)) {
        if (piece === "") continue;
        if (piece === "\n") {
          out += `${place()}\n`;
          column = 0;
        } else if (piece.startsWith(" ")) {
          out += word === "" ? "" : place();
          space += piece;
        } else word += piece;
      }
      return out;
    },
    flush: place,
  };
}

/** A whole text, broken at spaces. */
export function wrapped(text: string, columns: number): string {
  const wrapper = createWrapper(columns);
  return wrapper.push(text) + wrapper.flush();
}
