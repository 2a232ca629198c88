/** Tools: choosing, checking and running them, the commands that call them, and those that come with Troupe. */
export { BUILTIN_SOURCE, type BuiltinToolDeps, createBuiltinTools } from "./builtin/index.ts";
export { COMMANDS, type Command, parseCommand } from "./commands.ts";
export { createToolbox, type LoadableToolbox, type ToolboxDeps } from "./toolbox.ts";
