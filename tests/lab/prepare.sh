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

# Chromium drives the chat page.
if ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get install -y --no-install-recommends chromium || { apt-get update && apt-get install -y --no-install-recommends chromium; }; } \
      </dev/null >/dev/null 2>&1
  fi
  if command -v chromium >/dev/null; then
    echo "Installed Chromium."
  else
    echo "Left out: tests that drive the chat page; they need Chromium (Debian, Ubuntu: apt install chromium)."
  fi
fi

# promtool reads the page of counters as Prometheus does.
if ! command -v promtool >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # The package starts a server; the tool beside it is all that is wanted here.
    { RUNLEVEL=1 apt-get install -y --no-install-recommends prometheus || { apt-get update && RUNLEVEL=1 apt-get install -y --no-install-recommends prometheus; }; } \
      </dev/null >/dev/null 2>&1
  fi
  if command -v promtool >/dev/null; then
    echo "Installed promtool."
  else
    echo "Left out: the test that promtool accepts the counters; it needs promtool (Debian, Ubuntu: apt install prometheus)."
  fi
fi

# PostgreSQL on its usual port: the store's suites, the turns, the HTTP face and the crash tests run on it too.
postgres_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
if [ -z "$postgres_bin" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  { apt-get install -y --no-install-recommends postgresql || { apt-get update && apt-get install -y --no-install-recommends postgresql; }; } \
    </dev/null >/dev/null 2>&1
  postgres_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
  [ -z "$postgres_bin" ] || echo "Installed PostgreSQL."
fi
if [ -z "${TROUPE_TEST_POSTGRES-}" ] && [ -n "$postgres_bin" ] && [ "$(id -u)" = 0 ] && ! "$postgres_bin/pg_isready" -q -h 127.0.0.1 -p 5432; then
  folder=$(mktemp -d) && chown postgres "$folder" &&
    runuser -u postgres -- "$postgres_bin/initdb" --pgdata "$folder/data" --username postgres --auth trust --encoding UTF8 >/dev/null &&
    runuser -u postgres -- "$postgres_bin/pg_ctl" --pgdata "$folder/data" --log "$folder/log" --wait \
      --options "-p 5432 -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder" start >/dev/null &&
    echo "Started a PostgreSQL for the tests, in $folder."
fi
if [ -z "${TROUPE_TEST_POSTGRES-}" ] && ! { [ -n "$postgres_bin" ] && "$postgres_bin/pg_isready" -q -h 127.0.0.1 -p 5432; }; then
  echo "Left out: tests on PostgreSQL; they need a server on 127.0.0.1:5432 that trusts the user postgres, or TROUPE_TEST_POSTGRES."
fi
exit 0
