import { expect, test } from "vitest";
import { cpuMs, memory, preciseCpuMs, threadCpu } from "./process-meter.ts";

test.runIf(process.platform === "linux")("a process's time and memory are what the kernel says", () => {
  const before = preciseCpuMs(process.pid);
  let sum = 0;
  for (let i = 0; i < 3e7; i++) sum += i % 7;

  expect(sum).toBeGreaterThan(0);
  expect(preciseCpuMs(process.pid)).toBeGreaterThan(before);
  expect(cpuMs(process.pid)).toBeGreaterThan(0);
  expect(threadCpu(process.pid).length).toBeGreaterThan(0);
  expect(memory(process.pid).residentMib).toBeGreaterThan(10);
});

test.runIf(process.platform === "linux")("a process that is not there is a failure, not a zero", () => {
  expect(() => cpuMs(2 ** 30)).toThrow("ENOENT");
  expect(() => preciseCpuMs(2 ** 30)).toThrow("ENOENT");
  expect(() => memory(2 ** 30)).toThrow("ENOENT");
});
