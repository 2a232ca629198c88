#!/bin/sh
# Brings tools that some tests use and a bare machine may lack, where that is possible without asking anybody; says what
# could not be had. Never fails: a test without its tool is skipped, and the closing line counts it.
set -u

# strace counts the system calls of the store, to show how many writes share one fsync.
if ! command -v strace >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get install -y --no-install-recommends strace || { apt-get update && apt-get install -y --no-install-recommends strace; }; } \
      </dev/null >/dev/null 2>&1
  fi
  if command -v strace >/dev/null; then
    echo "Installed strace."
  else
    echo "Left out: tests that count system calls; they need strace (Debian, Ubuntu: apt install strace)."
  fi
fi
exit 0
