import type { Command } from "commander";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { placesOf } from "./place.ts";
import { zshScript } from "./zsh.ts";

/** A shell script that knows every command and option by itself, so that completing starts no process of ours. */
export function completionOf(program: Command, shell: "bash" | "zsh" | "fish"): string {
  const places = placesOf(program, []);
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](places);
}
