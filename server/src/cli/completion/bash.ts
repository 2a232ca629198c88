import { AGENT_FILES, type Place, quoted } from "./place.ts";

/** For `complete -F`: bash 3.2 and newer, without the bash-completion package. */
export function bashScript(places: readonly Place[]): string {
  const cases = places.map((place) => {
    const words = [...place.words.map(({ word }) => word), ...place.choices].join(" ");
    const options = place.options.map(({ word }) => word).join(" ");
    const agent = place.takesAgent ? " agents=1" : "";
    return `    ${quoted(place.path)}) words=${quoted(words)} options=${quoted(options)}${agent} ;;`;
  });
  const known = places.map(({ path }) => quoted(path)).join("|");
  return `# Completion of troupe for bash. Made by: troupe completion bash
_troupe_agents() {
  local file
  for file in ${AGENT_FILES}; do
    [ -e "$file" ] && file=\${file##*/} && printf '%s\\n' "\${file%.yaml}"
  done
}
_troupe() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local path='' next word words='' options='' agents='' at
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    next="\${path:+$path }$word"
    case "$next" in
      ${known}) path=$next ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  if [ "$previous" = --agent ]; then
    words=$(_troupe_agents) options=''
  elif [ -n "$agents" ]; then
    words=$(_troupe_agents)
  fi
  case "$current" in
    -*) words=$options ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _troupe troupe ./troupe
`;
}
