/** A deterministic world for processes that crash, stop and continue. Knows the ports of contracts and nothing else. */
export { createSimulatedBus, type SimulatedBus } from "./bus.ts";
export { createFaults, type FaultPlan, type Faults, NO_FAULTS } from "./faults.ts";
export { createSimulatedRouter, type ModelPlan } from "./model.ts";
export { createSimulatedPlatform, type PlatformArrival, type SimulatedPlatform } from "./platform.ts";
export { createSimulatedProcess, type PerformOptions, type SimulatedProcess } from "./process.ts";
export { createRandom, type Random } from "./random.ts";
export { createSimulatedUnit, withRemoteReads } from "./store-access.ts";
export { createWorld, type World } from "./world.ts";
