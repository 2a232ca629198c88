import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";

export interface PortHolder {
  readonly name: string;
  readonly pid: number;
}

/** State of a listening socket. Source: Linux, include/net/tcp_states.h. */
const LISTENING = "0A";

/**
 * The program that listens on a TCP port, as far as Linux tells this user; undefined when it does not. Only for an error
 * message, so every failure means "unknown".
 */
export async function findPortHolder(port: number): Promise<PortHolder | undefined> {
  const inodes = new Set([
    ...listenersIn(await readOrNothing("/proc/net/tcp"), port),
    ...listenersIn(await readOrNothing("/proc/net/tcp6"), port),
  ]);
  if (inodes.size === 0) return undefined;
  for (const entry of await namesIn("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    for (const descriptor of await namesIn(`/proc/${entry}/fd`)) {
      const target = await readlink(`/proc/${entry}/fd/${descriptor}`).catch(() => "");
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode === undefined || !inodes.has(inode)) continue;
      const words = (await readOrNothing(`/proc/${entry}/cmdline`)).split("\0");
      return { name: programName(words), pid: Number(entry) };
    }
  }
  return undefined;
}

const INTERPRETERS = /^(?:node|bun|deno|python|ruby|perl|php|java)[\d.]*$/;
const LONGEST_NAME = 40;

/** What people call a program, from the words that it was started with: its file, and the script that it runs. */
export function programName(words: readonly string[]): string {
  const [command = "", ...rest] = words;
  // Some programs write a sentence there.
  const program = basename(command.split(" /")[0] ?? "").slice(0, LONGEST_NAME);
  if (program === "") return "a program";
  const script = INTERPRETERS.test(program)
    ? rest.find((word) => word !== "" && !word.startsWith("-"))
    : undefined;
  if (script === undefined) return program;
  return script.endsWith("/server/src/cli/main.ts")
    ? "another Troupe"
    : `${program} ${basename(script).slice(0, LONGEST_NAME)}`;
}

/** Inodes of the sockets that listen on the port, from a table of `/proc/net`. */
export function listenersIn(table: string, port: number): readonly string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    return state === LISTENING && local?.endsWith(`:${wanted}`) === true && inode !== undefined
      ? [inode]
      : [];
  });
}

async function readOrNothing(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}

async function namesIn(path: string): Promise<readonly string[]> {
  return readdir(path).catch(() => []);
}
