// One process of a Troupe, to be started, killed, stopped and continued.
import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Role } from "../../server/src/app/roles.ts";
import type { Entrance, Ready } from "./wire.ts";

export interface Fall {
  readonly name: string;
  readonly what: string;
  /** It had not told yet that it works. */
  readonly inStart: boolean;
  /** On the monotonic clock of the driver. */
  readonly atMs: number;
}

export interface Member {
  readonly name: string;
  readonly role: Role;
  /** It works, or stands still in the middle of it. */
  readonly isUp: boolean;
  readonly isPaused: boolean;
  /** Of the process that works just now; another after each start. */
  readonly processId: string | undefined;
  /** Where it takes messages, when it does; a process that stands still does not answer there. */
  readonly entrance: Entrance | undefined;
  /** Its ends that nobody brought about. */
  readonly falls: readonly Fall[];
  /** Starts a process unless one runs; resolves with whether it works, or had ended before. Never rejects. */
  start(): Promise<boolean>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
}

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));
const START_WITHIN_MS = 60_000;

export function createMember(options: {
  readonly name: string;
  readonly role: Role;
  readonly home: string;
  readonly platformUrl: string;
  /** A folder for its log; without one it says what it says to whoever runs this. */
  readonly logs?: string | undefined;
}): Member {
  const { name, role } = options;
  let child: ChildProcess | undefined;
  let ready: Ready | undefined;
  let starting: Promise<boolean> | undefined;
  let isPaused = false;
  const falls: Fall[] = [];
  const fell = (what: string): void => {
    falls.push({ name, what, inStart: ready === undefined, atMs: performance.now() });
  };

  const launch = (): Promise<boolean> => {
    const started = launchChild(options);
    child = started;
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        fell(`It did not start within ${START_WITHIN_MS / 1_000} s.`);
        started.kill("SIGKILL");
      }, START_WITHIN_MS);
      started.once("message", (message: Ready) => {
        clearTimeout(late);
        ready = message;
        resolve(true);
      });
      started.once("exit", (code, signal) => {
        clearTimeout(late);
        if (signal !== "SIGKILL") fell(`It ended by itself: ${code ?? signal}.`);
        [child, ready, starting, isPaused] = [undefined, undefined, undefined, false];
        resolve(false);
      });
    });
  };
  return {
    name,
    role,
    falls,
    get isUp() {
      return ready !== undefined;
    },
    get isPaused() {
      return isPaused;
    },
    get processId() {
      return ready?.processId;
    },
    get entrance() {
      return ready?.entrance;
    },
    start() {
      starting ??= launch();
      return starting;
    },
    async kill() {
      const victim = child;
      if (victim === undefined) return;
      const gone = new Promise((resolve) => victim.once("exit", resolve));
      victim.kill("SIGKILL");
      await gone;
    },
    pause() {
      isPaused = child?.kill("SIGSTOP") === true;
    },
    resume() {
      child?.kill("SIGCONT");
      isPaused = false;
    },
  };
}

/** Every process makes a key as it starts; who writes keeps the first of them, as one does. */
export function createKeyHolder(): (entrance: Entrance | undefined) => Entrance | undefined {
  let key: string | undefined;
  return (entrance) => {
    if (entrance === undefined) return undefined;
    key ??= entrance.key;
    return { ...entrance, key };
  };
}

function launchChild({
  name,
  role,
  home,
  platformUrl,
  logs,
}: Parameters<typeof createMember>[0]): ChildProcess {
  const log = logs === undefined ? undefined : openSync(join(logs, `${name}.log`), "a");
  const environment = {
    TROUPE_HOME: home,
    XDG_RUNTIME_DIR: home,
    PLATFORM_URL: platformUrl,
    CRASH_ROLE: role,
  };
  const child = fork(CHILD, {
    stdio: ["ignore", log ?? "inherit", log ?? "inherit", "ipc"],
    env: { ...process.env, ...environment, ...(log === undefined ? {} : { CRASH_LOG: "1" }) },
  });
  if (log !== undefined) closeSync(log);
  // One that stands still would not notice the end of the driver.
  const endWithDriver = (): void => void child.kill("SIGKILL");
  process.once("exit", endWithDriver);
  child.once("exit", () => void process.off("exit", endWithDriver));
  return child;
}
