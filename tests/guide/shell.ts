import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { root } from "./root.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
}

/** One bash, as somebody who reads the page would have it: what one command exports the next one has. */
export interface Shell {
  run(command: string): Promise<Ran>;
  /** Starts what serves until it is stopped; resolves with what it printed once `until` is in it. */
  serve(command: string, until: string): Promise<string>;
  close(): Promise<void>;
}

/** A first start builds the chat page, on a machine that may have much else to do. */
const PATIENCE_MS = 120_000;
const DONE = "\u0001";

export function openShell(environment: NodeJS.ProcessEnv): Shell {
  const options = { cwd: root, env: environment, stdio: "pipe" as const };
  const bash = spawn("bash", ["--noprofile", "--norc"], options);
  const serving: ChildProcess[] = [];
  let heard = "";
  const listeners = new Set<() => void>();
  for (const stream of [bash.stdout, bash.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      heard += text;
      for (const listener of listeners) listener();
    });
  }
  bash.stdin.write("exec 2>&1\n");
  return {
    run(command) {
      heard = "";
      // Nothing is typed into a command: what bash reads are the commands themselves.
      bash.stdin.write(`{ ${command}\n} < /dev/null\nprintf '${DONE}%s${DONE}' $?\n`);
      return within(command, (resolve) => {
        const look = (): void => {
          const ended = new RegExp(`^([^]*)${DONE}(\\d+)${DONE}`).exec(heard);
          if (ended === null) return;
          listeners.delete(look);
          resolve({ code: Number(ended[2]), out: ended[1] ?? "" });
        };
        listeners.add(look);
      });
    },
    async serve(command, until) {
      // Whoever starts it again has stopped it before.
      await Promise.all(serving.splice(0).map(ended));
      const child = spawn("bash", ["-c", `exec ${command} 2>/dev/null`], options);
      serving.push(child);
      return within(command, (resolve, reject) => {
        let out = "";
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
          out += text;
          if (out.includes(until)) resolve(out);
        });
        child.once("exit", (code) => reject(new Error(`${command} ended with ${code}: ${out}`)));
      });
    },
    async close() {
      for (const child of [...serving, bash]) await ended(child);
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}

function within<Value>(
  command: string,
  begin: (resolve: (value: Value) => void, reject: (error: unknown) => void) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${command} took longer than two minutes.`)),
      PATIENCE_MS,
    );
    begin(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => once(server.listen(0, "127.0.0.1"), "listening")));
  const found = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return found;
}
