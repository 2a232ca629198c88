#!/bin/sh
# The tools of this repository under the pinned Node: sh scripts/run.sh TASK [arguments].
# Node's tools must not be typed as node_modules/.bin/vitest: that runs them on the machine's own Node.
set -eu
root=$(CDPATH='' cd -- "$(dirname "$0")/.." && pwd -P)
. "$root/scripts/prepare.sh"

task=${1-}
if [ $# -gt 0 ]; then shift; fi

# A production install is whole without these tools, so the stamp alone does not vouch for them.
if ! prepared || [ ! -e "$root/node_modules/vitest/vitest.mjs" ]; then prepare --dev; fi
choose_node
keep_compiled_code
cd "$root"
export PATH="$root/node_modules/.bin:$PATH"

biome=node_modules/@biomejs/biome/bin/biome
tsc=node_modules/typescript/bin/tsc
vitest=node_modules/vitest/vitest.mjs

failed=0
# Says in one line how a step of the check went, and shows its output only when it failed.
step() {
  printf '%s … ' "$1"
  shift
  if output=$("$@" 2>&1); then
    echo ok
  else
    printf 'failed\n%s\n' "$output"
    failed=1
  fi
}

case $task in
test) exec "$node" "$vitest" run --configLoader native "$@" ;;
# The long lanes of tests/long: the same kinds of test as in `npm test`, over many more schedules and kills.
long)
  export TROUPE_LANE=long
  exec "$node" "$vitest" run --configLoader native "$@"
  ;;
bench) exec "$node" bench/main.ts "$@" ;;
sim) exec "$node" tests/long/simulate.ts "$@" ;;
leaks) exec "$node" tests/long/leaks.ts "$@" ;;
crash) exec "$node" tests/long/crash.ts "$@" ;;
reference) exec "$node" scripts/generate-reference.mjs "$@" ;;
fix) exec "$node" "$biome" check --write "$@" ;;
check)
  step "Format and lint" "$node" "$biome" check --error-on-warnings --diagnostic-level=warn --colors=off
  step "Types" "$node" "$tsc" -b --pretty false
  step "Layers" "$node" "$vitest" run --configLoader native --reporter dot tests/layers.test.ts
  exit "$failed"
  ;;
*)
  echo "usage: sh scripts/run.sh test|check|fix|bench|sim|leaks|crash|reference|long [arguments]" >&2
  exit 2
  ;;
esac
