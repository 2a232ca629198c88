import { readFile } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";
import { TroupeError } from "@troupe/contracts";

/** Never from the command's words: those stand in the history of the shell and in the list of processes. */
export async function readSecretValue(options: {
  /** `--from-file`. */
  readonly file: string | undefined;
  /** What is asked on a terminal. */
  readonly question: string;
}): Promise<string> {
  if (options.file !== undefined) return withoutLineEnd(await readFileText(options.file));
  if (process.stdin.isTTY === true) return askHidden(options.question);
  let text = "";
  process.stdin.setEncoding("utf8");
  for await (const piece of process.stdin) text += piece;
  return withoutLineEnd(text);
}

async function readFileText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "is not there" : `cannot be read (${code})`;
    throw new TroupeError(`The file ${path} ${why}.`, { code: "request.invalid", cause: error });
  }
}

/** A value ends where its line does; whoever pipes a file of one line means the line. */
function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, "");
}

const ENTER = /[\r\n]/;
const BACKSPACE = /[\b\x7f]/;
const CTRL_C = "\x03";
const CTRL_D = "\x04";

/** One line from the terminal that shows nothing of what is typed. Rejects on Ctrl-C. */
function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  return new Promise((resolve, reject) => {
    let typed = "";
    // Before the question, or the terminal shows what a quick hand, or a paste, sends right behind it.
    stdin.setRawMode(true);
    stderr.write(`${question}: `);
    stdin.setEncoding("utf8");
    const end = (finish: () => void): void => {
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      finish();
    };
    const onData = (text: string): void => {
      // What an arrow key sends is nothing of a secret.
      for (const character of stripVTControlCharacters(text)) {
        if (character === CTRL_C || (character === CTRL_D && typed === "")) {
          const error = new TroupeError("Nothing was changed.", { code: "turn.cancelled" });
          end(() => reject(error));
          return;
        }
        if (ENTER.test(character) || character === CTRL_D) {
          end(() => resolve(typed));
          return;
        }
        typed = BACKSPACE.test(character) ? [...typed].slice(0, -1).join("") : typed + character;
      }
    };
    stdin.on("data", onData);
    stdin.resume();
  });
}
