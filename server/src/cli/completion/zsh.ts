import { AGENT_FILES, type Described, type Place, quoted } from "./place.ts";

/** For zsh's own completion system: `compinit` finds it as `_troupe`, or it is sourced after that. */
export function zshScript(places: readonly Place[]): string {
  const cases = places.map((place) => {
    const choices = place.choices.map((word) => ({ word, what: "" }));
    const words = [...place.words, ...choices].map(entry).join(" ");
    const agent = place.takesAgent ? " agents=1" : "";
    return `    ${quoted(place.path)}) follow=(${words}) options=(${place.options.map(entry).join(" ")})${agent} ;;`;
  });
  const known = places.map(({ path }) => quoted(path)).join("|");
  return `#compdef troupe
# Completion of troupe for zsh. Made by: troupe completion zsh
_troupe() {
  local path_='' next='' agents=''
  local -a follow options found
  local current=\${words[CURRENT]} previous=\${words[CURRENT-1]} word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    next="\${path_:+$path_ }$word"
    case "$next" in
      ${known}) path_=$next ;;
    esac
  done
  case "$path_" in
${cases.join("\n")}
  esac
  found=(${AGENT_FILES}(N:t:r))
  if [[ $previous == --agent ]]; then
    compadd -a found
  elif [[ $current == -* ]]; then
    _describe option options
  else
    [[ -n $agents ]] && compadd -a found
    (( $#follow )) && _describe command follow || _files
  fi
}
(( $+functions[compdef] )) && compdef _troupe troupe ./troupe
`;
}

function entry({ word, what }: Described): string {
  return quoted(what === "" ? word : `${word}:${what.replaceAll(":", "\\:")}`);
}
