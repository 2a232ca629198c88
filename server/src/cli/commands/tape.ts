import { type FileHandle, open, readFile } from "node:fs/promises";
import { type ErrorCode, type ReplayVerdict, TroupeError, type TurnEvent } from "@troupe/contracts";
import type { TapeReport } from "../../app/index.ts";
import { safeText, tapeLines } from "../../kit/index.ts";
import type { CommandContext } from "../context.ts";
import { plural } from "../format/time.ts";
import type { Output } from "../output.ts";

type Options = Readonly<Record<string, unknown>>;

const pathOf = (id: string, what: string): string => `/admin/turns/${encodeURIComponent(id)}/${what}`;

export async function showTape(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  await using client = await connect({ command: "turn tape" });
  const report = await client.call<TapeReport>("GET", pathOf(id, "tape"));
  const text = report.lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  if (report.cut !== undefined) output.note(`This tape is not whole. ${report.cut}`);
  if (typeof options.out === "string") {
    await using file = await create(options.out);
    const { bytesWritten: bytes } = await file.write(text);
    const written = { file: options.out, turnId: id, bytes, lines: report.lines.length };
    output.result(written, () => `Written to ${options.out}, ${bytes.toLocaleString("en-US")} bytes.`);
  } else if (output.isJson) output.result(report, () => "");
  else output.write(text);
}

/** Exit code 0 when the replay came to what is recorded, 1 when not. */
export async function replayTurn(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  const file = typeof options.file === "string" ? { lines: await readLines(options.file) } : {};
  await using client = await connect({ command: "turn replay" });
  let verdict: ReplayVerdict | undefined;
  const screen = createScreen(output);
  await client.stream(pathOf(id, "replay"), { ...file, timing: options.timing === true }, (value, name) => {
    if (name === "verdict") verdict = value as ReplayVerdict;
    else if (name === "error") throw problemOf(value);
    else screen.show(value as TurnEvent);
  });
  if (verdict === undefined)
    throw new TroupeError("The replay broke off before its end.", { code: "not_ready" });
  const ended = verdict;
  screen.end();
  output.result(ended, () => formatVerdict(ended, output));
  if (!ended.isSame) process.exitCode = 1;
}

/** Streams the words of a replay; says on the way when they begin anew. */
function createScreen(output: Output): { show(event: TurnEvent): void; end(): void } {
  let isInLine = false;
  const endLine = (): void => {
    if (isInLine) output.line();
    isInLine = false;
  };
  return {
    show(event) {
      if (output.isJson) return;
      if (event.type === "text-delta") {
        output.write(safeText(event.text));
        isInLine = true;
      } else if (event.type === "attempt-start" && isInLine) {
        endLine();
        output.note("The answer begins anew.");
      } else if (event.type === "tool" && event.status === "started") {
        endLine();
        output.note(`Tool ${safeText(event.name)}, answered from the tape.`);
      } else if (event.type === "end" && event.state !== "replied") {
        endLine();
        output.write(safeText(event.text));
        isInLine = true;
      }
    },
    end: endLine,
  };
}

function formatVerdict(
  { isSame, differences, modelCalls, toolCalls }: ReplayVerdict,
  output: Output,
): string {
  const calls = `${plural(modelCalls, "model call")}, ${plural(toolCalls, "tool call")}`;
  const { paint } = output;
  if (isSame) return paint.good(`Same: the replay came to what was recorded (${calls}).`);
  const lines = differences.map(({ detail }) => `  ${safeText(detail)}`);
  return [paint.bad(`Differs from what was recorded (${calls}):`), ...lines].join("\n");
}

async function readLines(path: string): Promise<readonly unknown[]> {
  try {
    return tapeLines(await readFile(path, "utf8"));
  } catch (error) {
    if (TroupeError.is(error)) throw error;
    throw fileTrouble(path, "read", error);
  }
}

async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx", 0o600);
  } catch (error) {
    throw fileTrouble(path, "written", error);
  }
}

function fileTrouble(path: string, what: "read" | "written", error: unknown): TroupeError {
  const { code } = error as NodeJS.ErrnoException;
  const why =
    code === "EEXIST" ? "it is there already" : code === "ENOENT" ? "it is not there" : String(code);
  return new TroupeError(`${path} cannot be ${what}: ${why}. Name another file.`, {
    code: "request.invalid",
    cause: error,
  });
}

function problemOf(value: unknown): TroupeError {
  const { code, detail } = value as { readonly code: ErrorCode; readonly detail: string };
  return new TroupeError(detail, { code });
}
