import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.ts";

/** A NATS server of its own, which may be stopped and killed. Disposing ends it. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  /** Undefined while it is stopped. */
  readonly processId: number | undefined;
  /** SIGKILL: connections are cut, and nothing listens until `start`. */
  stop(): Promise<void>;
  /** On the same port, with these arguments instead of those of before. */
  start(args?: readonly string[]): Promise<void>;
  /** Stands still, connections open, until `resume`. */
  pause(): void;
  resume(): void;
}

/** Why the tests that need NATS are left out, and how to have them run. */
export const NO_NATS = "needs the program nats-server on the PATH (Debian: apt install nats-server)";

const START_MS = 20_000;

/** Starts a server on a free port, or resolves with undefined where the program is not to be had. */
export async function startNatsServer(
  options: { readonly args?: readonly string[] } = {},
): Promise<NatsServer | undefined> {
  if (spawnSync("nats-server", ["--version"]).status !== 0) return undefined;
  const port = await freePort();
  let child: ChildProcess | undefined;
  let args = options.args ?? [];
  const start = async (others = args): Promise<void> => {
    args = others;
    child = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port), ...args], { stdio: "ignore" });
    const deadline = Date.now() + START_MS;
    while (!(await answers(port))) {
      if (Date.now() > deadline || child.exitCode !== null) throw new Error("nats-server did not start.");
      await sleep(20);
    }
  };
  const stop = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, "exit");
    running.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    start: (others) => start(others),
    get processId() {
      return child?.pid;
    },
    stop,
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    [Symbol.asyncDispose]: stop,
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (isOpen: boolean) => () => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once("connect", end(true));
    socket.once("error", end(false));
  });
}
