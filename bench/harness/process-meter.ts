// What the kernel says about a process. Linux only: other systems have no /proc.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

/** The kernel counts CPU time of a process in hundredths of a second on every platform that Node runs on. */
const TICK_MS = 10;
const KIB_PER_MIB = 1024;

/** User and system time of all threads, those that ended included; in steps of 10 ms. */
export function cpuMs(processId: number): number {
  const fields = statFields(`/proc/${processId}/stat`);
  // Fields 14 and 15 of proc(5), counted from the third, the state.
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** CPU time of the threads that live, to the microsecond: for processes that do next to nothing. */
export function preciseCpuMs(processId: number): number {
  return threadCpu(processId).reduce((sum, thread) => sum + thread.cpuMs, 0);
}

export interface ThreadCpu {
  readonly threadId: number;
  readonly name: string;
  readonly cpuMs: number;
}

export function threadCpu(processId: number): ThreadCpu[] {
  const threads: ThreadCpu[] = [];
  for (const id of readdirSync(`/proc/${processId}/task`)) {
    const folder = `/proc/${processId}/task/${id}`;
    try {
      threads.push({
        threadId: Number(id),
        name: readFileSync(`${folder}/comm`, "utf8").trim(),
        cpuMs: threadCpuMs(folder),
      });
    } catch (error) {
      // The thread may end between the two looks; anything else would be time that is not counted.
      if (!isGone(error)) throw error;
    }
  }
  return threads;
}

function threadCpuMs(folder: string): number {
  // Only kernels built with CONFIG_SCHED_DEBUG say it this exactly.
  const exact = existsSync(`${folder}/sched`)
    ? /sum_exec_runtime\s*:\s*([\d.]+)/.exec(readFileSync(`${folder}/sched`, "utf8"))?.[1]
    : undefined;
  if (exact !== undefined) return Number(exact);
  const fields = statFields(`${folder}/stat`);
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** What reading of a process or thread that has ended says. */
function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH");
}

function statFields(path: string): string[] {
  const text = readFileSync(path, "utf8");
  // The name of a process may hold spaces and brackets, so fields count from behind its last bracket.
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

export interface Memory {
  readonly residentMib: number;
  /** Pages shared with other processes counted in part. */
  readonly proportionalMib: number;
}

export function memory(processId: number): Memory {
  const text = readFileSync(`/proc/${processId}/smaps_rollup`, "utf8");
  return { residentMib: mibOf(text, "Rss"), proportionalMib: mibOf(text, "Pss") };
}

/** The most resident memory since the start or since {@link forgetPeak}. */
export function peakResidentMib(processId: number): number {
  return mibOf(readFileSync(`/proc/${processId}/status`, "utf8"), "VmHWM");
}

/** Starts the peak anew. Source: proc(5), clear_refs, value 5. */
export function forgetPeak(processId: number): void {
  writeFileSync(`/proc/${processId}/clear_refs`, "5");
}

function mibOf(text: string, field: string): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1];
  if (kib === undefined) throw new Error(`The kernel does not say ${field} of the process.`);
  return Number(kib) / KIB_PER_MIB;
}
