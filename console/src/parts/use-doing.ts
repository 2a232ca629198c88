import { useRef, useState } from "react";
import { useWords } from "../words/index.ts";
import { problemText } from "../words/problem-text.ts";

/** Something that a person asks for and that may be refused: what it was refused with, and never two at once. */
export function useDoing(onDone?: () => void): {
  readonly problem: string;
  readonly isDoing: boolean;
  readonly run: (work: () => Promise<unknown>) => void;
} {
  const words = useWords();
  const [problem, setProblem] = useState("");
  const [isDoing, setDoing] = useState(false);
  // A second click may come before the page is drawn anew.
  const isRunning = useRef(false);
  const settle = (failure: string): void => {
    isRunning.current = false;
    setDoing(false);
    setProblem(failure);
  };
  const run = (work: () => Promise<unknown>): void => {
    if (isRunning.current) return;
    isRunning.current = true;
    setDoing(true);
    setProblem("");
    work().then(
      () => {
        settle("");
        onDone?.();
      },
      (error: unknown) => settle(`${words.somethingFailed} ${problemText(words, error)}`),
    );
  };
  return { problem, isDoing, run };
}
