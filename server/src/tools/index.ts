/** Tools: choosing, checking and running them, the commands that call them, and those that come with Troupe. */
export { type CommandToolDeps, createCommandTools } from "./builtin/command-tools.ts";
export { BUILTIN_SOURCE, type BuiltinToolDeps, createBuiltinTools } from "./builtin/index.ts";
export { COMMANDS, type Command, type CommandHelp, commandHelp, parseCommand } from "./commands.ts";
export { createBlueprintPolicy } from "./policy.ts";
export { createToolbox, type LoadableToolbox, type ToolboxDeps } from "./toolbox.ts";
