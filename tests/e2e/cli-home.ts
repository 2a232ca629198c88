import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../server/src/cli/main.ts", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A home of its own and the command line on it, as real processes. Disposing ends what still runs. */
export interface CliHome extends AsyncDisposable {
  readonly home: string;
  /** The folder around the home, for other files. */
  readonly folder: string;
  /** What its commands get beside the environment of the tests. */
  readonly variables: Readonly<Record<string, string>>;
  write(name: string, text: string): void;
  run(
    words: readonly string[],
    options?: { readonly input?: string; readonly home?: string },
  ): Promise<Ended>;
  /** The command's JSON; rejects with what it said when it failed. */
  json<Value>(...words: readonly string[]): Promise<Value>;
  /** `troupe up`, as soon as it is ready. */
  up(options?: { readonly home?: string }): Promise<RunningHome>;
}

export interface RunningHome {
  readonly addresses: { readonly gateway: string; readonly admin: string };
  readonly firstKey: string | undefined;
  /** Everything that it wrote so far. */
  text(): string;
  stop(): Promise<void>;
}

export function createCliHome(variables: Readonly<Record<string, string>> = {}): CliHome {
  const folder = mkdtempSync(join(tmpdir(), "troupe-cli-"));
  const home = join(folder, "home");
  const children = new Set<ChildProcess>();
  mkdirSync(join(home, "agents"), { recursive: true });

  const start = (words: readonly string[], at: string): ChildProcess => {
    const env = { ...process.env, XDG_RUNTIME_DIR: folder, NO_COLOR: "1", ...variables, TROUPE_HOME: at };
    const child = spawn(process.execPath, [MAIN, ...words], { env, stdio: "pipe" });
    children.add(child);
    child.once("exit", () => children.delete(child));
    return child;
  };
  const run: CliHome["run"] = async (words, { input = "", home: at = home } = {}) => {
    const child = start(words, at);
    const [out, err] = [listen(child.stdout), listen(child.stderr)];
    child.stdin?.on("error", () => undefined).end(input);
    const [code] = (await once(child, "close")) as [number | null];
    return { code, out: out(), err: err() };
  };

  return {
    home,
    folder,
    variables,
    write(name, text) {
      mkdirSync(join(home, name, ".."), { recursive: true });
      writeFileSync(join(home, name), text);
    },
    run,
    async json<Value>(...words: readonly string[]) {
      const { code, out, err } = await run([...words, "--json"]);
      if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}: ${out}${err}`);
      return JSON.parse(out) as Value;
    },
    async up({ home: at = home } = {}) {
      const child = start(["up", "--json"], at);
      const [out, err] = [listen(child.stdout), listen(child.stderr)];
      await new Promise<void>((resolve, reject) => {
        child.stdout?.on("data", () => out().includes("\n") && resolve());
        child.once("exit", (code) => reject(new Error(`troupe up ended with ${code}: ${err()}`)));
      });
      const { addresses, firstKey } = JSON.parse(out()) as RunningHome;
      return {
        ...{ addresses, firstKey },
        text: () => out() + err(),
        async stop() {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const exit = once(child, "exit");
          child.kill("SIGTERM");
          await exit;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      const ends = [...children].map((child) => once(child, "exit"));
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(ends);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function listen(stream: NodeJS.ReadableStream | null): () => string {
  let text = "";
  stream?.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  return () => text;
}
