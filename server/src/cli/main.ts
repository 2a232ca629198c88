import { TroupeError } from "@troupe/contracts";
import { CommanderError } from "commander";
import { createProgram } from "./program.ts";

/** 0 done, 1 failed, 2 misuse. Source: design §8. */
const FAILED = 1;
const MISUSE = 2;

// Whoever reads our output may leave (a pipe, a closed terminal); that is no reason to end in the middle of something.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

const isJson = process.argv.includes("--json");
const program = createProgram({ isJson });
try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}

/** The one place where a failure of any command becomes words and an exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : MISUSE;
  if (TroupeError.is(error)) {
    const text = isJson
      ? JSON.stringify({ error: { code: error.code, message: error.message } })
      : error.message;
    process.stderr.write(`${text}\n`);
    return error.code === "request.invalid" ? MISUSE : FAILED;
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(
    isJson
      ? `${JSON.stringify({ error: { code: "internal", message: String(error) } })}\n`
      : `Something went wrong inside Troupe. Please report it with these lines:\n${detail}\n`,
  );
  return FAILED;
}
