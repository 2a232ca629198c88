/** What happens to memories at night. */
export { createDreamHandler, type DreamHandlerDeps } from "./dream-handler.ts";
export { createDreamLoop, type DreamLoopDeps } from "./dream-loop.ts";
export { createReflectHandler, type ReflectHandlerDeps } from "./reflect-handler.ts";
