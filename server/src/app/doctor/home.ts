import { chmodSync, constants, existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { TroupeError } from "@troupe/contracts";
import { systemClock } from "../../kit/index.ts";
import { lockHome } from "../../store/index.ts";
import { displayPath, type Environment } from "../config/index.ts";
import { homeExists } from "../home.ts";
import { HOLDER_FILE, readHolder } from "../lock-holder.ts";
import { adminSocketPath } from "../runtime-path.ts";
import type { Finding } from "./finding.ts";

export async function checkHome(home: string): Promise<Finding> {
  const base = { name: "Home", what: displayPath(home), how: "tried to read and write it" };
  if (!existsSync(home))
    return { ...base, verdict: "good", what: `${base.what} is not there yet; ./troupe up makes it` };
  try {
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK);
    return { ...base, verdict: "good" };
  } catch {
    const what = `${base.what} cannot be written`;
    return { ...base, what, verdict: "bad", remedy: `Give it to this user: chown -R $(id -u) ${base.what}` };
  }
}

/** Folders that a start makes by itself are not missed; agents are, once there is a troupe.yaml. */
export function checkFolders(home: string): readonly Finding[] {
  const missing = ["data", "agents"].filter((name) => !existsSync(join(home, name)));
  if (!homeExists(home) || missing.length === 0) return [];
  const paths = missing.map((name) => displayPath(join(home, name)));
  return [
    {
      name: "Folders",
      verdict: "warning",
      what: `${paths.join(" and ")} ${missing.length === 1 ? "is" : "are"} missing`,
      how: "looked for them",
      remedy: `mkdir ${paths.join(" ")}`,
      fix: {
        done: `made ${paths.join(" and ")}`,
        apply() {
          for (const name of missing) mkdirSync(join(home, name), { recursive: true, mode: 0o700 });
        },
      },
    },
  ];
}

/** What may hold secrets or what people said. */
const PRIVATE = ["data", "troupe.yaml", "master.key", "workspaces"] as const;

export function checkPermissions(home: string): readonly Finding[] {
  if (!homeExists(home)) return [];
  const open = PRIVATE.filter((name) => {
    try {
      return (statSync(join(home, name)).mode & 0o077) !== 0;
    } catch {
      return false;
    }
  });
  const how = "file modes";
  if (open.length === 0)
    return [{ name: "Privacy", verdict: "good", what: "data and settings are this user's alone", how }];
  const paths = open.map((name) => join(displayPath(home), name));
  return [
    {
      name: "Privacy",
      verdict: "warning",
      what: `others on this machine can read ${paths.join(" and ")}`,
      how,
      remedy: `chmod go-rwx ${paths.join(" ")}`,
      fix: {
        done: `made ${paths.join(" and ")} this user's alone`,
        apply() {
          for (const name of open) {
            const path = join(home, name);
            chmodSync(path, statSync(path).mode & 0o700);
          }
        },
      },
    },
  ];
}

/** Whether Troupe runs, and what a process left that ended without tidying up. */
export function checkProcess(environment: Environment, isRunning: boolean): Finding {
  const base = { name: "Process", how: "asked its socket" };
  if (isRunning) return { ...base, verdict: "good", what: "Troupe runs" };
  const data = join(environment.home, "data");
  const holder = readHolder(data);
  const socketPath = adminSocketPath(environment.home, environment.runtimeDirectory);
  const left = [
    ...(holder === undefined ? [] : [join(data, HOLDER_FILE)]),
    ...(existsSync(socketPath) ? [socketPath] : []),
  ];
  if (left.length === 0)
    return { ...base, verdict: "good", what: "Troupe does not run; ./troupe up starts it" };
  const who = holder === undefined ? "A process" : `Process ${holder.pid} (./troupe ${holder.command})`;
  if (isHeld(data)) {
    const what = `${who} holds the home and does not answer`;
    const remedy = `It may be starting or stopping. If it hangs: kill ${holder?.pid ?? "it"}; nothing is lost by that.`;
    return { ...base, how: "asked its socket, and tried the home's lock", verdict: "warning", what, remedy };
  }
  return {
    ...base,
    how: "asked its socket, and tried the home's lock",
    verdict: "warning",
    what: `${who} ended without tidying up; nothing is lost by that`,
    remedy: "The next start tidies up; ./troupe doctor --fix does it now.",
    fix: {
      done: `removed ${left.map(displayPath).join(" and ")}`,
      apply() {
        // Under the lock: whoever started since would lose its socket.
        using _ = existsSync(data) ? lock(data) : undefined;
        for (const path of left) rmSync(path, { force: true });
      },
    },
  };
}

function lock(data: string): Disposable {
  return lockHome({ directory: data, clock: systemClock(), pid: process.pid });
}

/** Only the lock itself proves that somebody lives; the kernel frees it with its process. */
function isHeld(data: string): boolean {
  if (!existsSync(data)) return false;
  try {
    lock(data)[Symbol.dispose]();
    return false;
  } catch (error) {
    return TroupeError.is(error, "home.locked");
  }
}
