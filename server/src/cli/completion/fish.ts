import { type Place, quoted } from "./place.ts";

/** For fish, which asks a condition for each suggestion. */
export function fishScript(places: readonly Place[]): string {
  const lines: string[] = [];
  for (const place of places) {
    const here = `-n ${quoted(`__troupe_is ${place.path}`.trimEnd())}`;
    for (const { word, what } of place.words)
      lines.push(`complete -c troupe -f ${here} -a ${quoted(word)} -d ${quoted(what)}`);
    for (const word of place.choices) lines.push(`complete -c troupe -f ${here} -a ${quoted(word)}`);
    if (place.takesAgent) lines.push(`complete -c troupe -f ${here} -a '(__troupe_agents)'`);
    for (const { word, what } of place.options) {
      const value = place.agentOptions.includes(word) ? " -x -a '(__troupe_agents)'" : "";
      lines.push(`complete -c troupe ${here} -l ${word.replace(/^--/, "")}${value} -d ${quoted(what)}`);
    }
  }
  const known = places.map(({ path }) => quoted(path)).join(" ");
  return `# Completion of troupe for fish. Made by: troupe completion fish
function __troupe_agents
    set -l home $TROUPE_HOME
    test -n "$home"; or set home $HOME/.troupe
    for file in $home/agents/*.yaml
        string replace -r '.*/(.*)\\.yaml$' '$1' $file
    end
end
function __troupe_is
    set -l path
    for word in (commandline -opc)[2..-1]
        set -l next (string join -- ' ' $path $word)
        contains -- "$next" ${known}; and set path $next
    end
    test "$path" = "$argv"
end
complete -c troupe -f
${lines.join("\n")}
`;
}
