import { duration } from "../format/time.ts";
import { left, type Person } from "./person.ts";

/** Longer lists are searched by typing. */
const SHORT_LIST = 12;

/** Asks at the terminal. The library is loaded by nobody else. */
export async function createTerminalPerson(): Promise<Person> {
  const prompts = await import("@clack/prompts");
  const answered = <Value>(value: unknown): Value => {
    if (prompts.isCancel(value)) throw left();
    return value as Value;
  };
  return {
    async choose(message, choices, first) {
      // Its type tells plain values from others, which a generic one is neither of.
      const options = choices.map((choice) => ({ ...choice })) as never;
      const shared = {
        message,
        options,
        maxItems: SHORT_LIST,
        ...(first === undefined ? {} : { initialValue: first }),
      };
      const isLong = choices.length > SHORT_LIST;
      return answered(
        isLong
          ? await prompts.autocomplete({ ...shared, placeholder: "type to search" })
          : await prompts.select({ ...shared, showInstructions: false }),
      );
    },
    secret: async (message) =>
      answered<string>(
        await prompts.password({
          message,
          validate: (text) =>
            (text ?? "").trim() === "" ? "Paste the key, or press Ctrl-C to leave." : undefined,
        }),
      ).trim(),
    text: async (message, { example, check }) =>
      answered<string>(
        await prompts.text({ message, placeholder: example, validate: (text) => check((text ?? "").trim()) }),
      ).trim(),
    confirm: async (message) => answered<boolean>(await prompts.confirm({ message })),
    say: (text) => prompts.log.message(text),
    warn: (text) => prompts.log.warn(text),
    // Not the library's spinner: it ends the process on Ctrl-C, whatever is under way.
    async during(what, work) {
      const controller = new AbortController();
      const leave = (): void => controller.abort(left());
      process.on("SIGINT", leave);
      const began = performance.now();
      process.stdout.write(`${prompts.S_BAR}\n${prompts.S_STEP_SUBMIT}  ${what} … `);
      try {
        const result = await work(controller.signal);
        process.stdout.write(`${duration(performance.now() - began)}\n`);
        return result;
      } catch (error) {
        process.stdout.write("\n");
        if (controller.signal.aborted) throw left();
        throw error;
      } finally {
        process.off("SIGINT", leave);
      }
    },
  };
}
