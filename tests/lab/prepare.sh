#!/bin/sh
# Brings tools that some tests use and a bare machine may lack, where that is possible without asking anybody; says what
# could not be had. Never fails: a test without its tool is skipped, and the closing line counts it.
set -u

# Quietly, and only where nobody has to be asked. The lists of packages are fetched where they are missing or old.
install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  { apt-get install -y --no-install-recommends "$@" || { apt-get update && apt-get install -y --no-install-recommends "$@"; }; } \
    </dev/null >/dev/null 2>&1
}

# bring COMMAND PACKAGE "what is left out without it"
bring() {
  command -v "$1" >/dev/null && return
  install "$2"
  if command -v "$1" >/dev/null; then
    echo "Installed $1."
  else
    echo "Left out: $3; needs $1 (Debian, Ubuntu: apt install $2)."
  fi
}

# strace counts the system calls of the store, to show how many writes share one fsync.
bring strace strace "counting system calls"

# Chromium drives the chat page.
command -v google-chrome >/dev/null || bring chromium chromium "driving the chat page"

# promtool reads the page of counters as Prometheus does. Its package starts a server, which is not wanted here.
export RUNLEVEL=1
bring promtool prometheus "reading the counters as Prometheus does"
unset RUNLEVEL

# The shells that complete commands; bash is everywhere.
bring zsh zsh "completion in zsh"
bring fish fish "completion in fish"

# PostgreSQL on its usual port: the store's suites, the turns, the HTTP face, the command line and the crash tests run on
# it too.
find_postgres() { postgres_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1); }
find_postgres
if [ -z "$postgres_bin" ] && install postgresql; then
  find_postgres
  echo "Installed PostgreSQL."
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

# pgvector on that server, 0.8 or newer: as a package where the system has it (Debian 13), else built from Debian's source, which takes
# some ten seconds. Nothing of it is added to the system's own lists of packages.
control="$(ls -d /usr/share/postgresql/*/extension 2>/dev/null | tail -n 1)/vector.control"
is_new() { grep -Eq "^default_version = '(0\.([89]|[1-9][0-9])|[1-9])" "$control" 2>/dev/null; }
build_pgvector() {
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  [ "$(id -u)" = 0 ] && [ -f "$keys" ] && install gcc libc6-dev || return 1
  # From wherever this system has its own packages.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep '/debian/*$' | head -n 1)
  [ -n "$mirror" ] || return 1
  build=$(mktemp -d) && cd "$build" && mkdir -p lists/partial cache/archives/partial headers source || return 1
  echo "deb-src [signed-by=$keys] $mirror trixie main" >sources.list
  from="-o Dir::Etc::SourceList=$build/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=$build/lists -o Dir::Cache=$build/cache -o APT::Sandbox::User=root"
  apt-get $from update && apt-get $from source --download-only pgvector &&
    apt-get -o APT::Sandbox::User=root download "postgresql-server-dev-$1" && dpkg -x postgresql-server-dev-*.deb headers &&
    tar -xzf pgvector_*.orig.tar.gz -C source --strip-components=1 &&
    gcc -shared -fPIC -O2 -ftree-vectorize -fassociative-math -fno-signed-zeros -fno-trapping-math \
      -I "headers/usr/include/postgresql/$1/server" -I headers/usr/include/postgresql/internal -o vector.so source/src/*.c &&
    version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" source/vector.control) &&
    cp vector.so "/usr/lib/postgresql/$1/lib/" && cp source/sql/vector.sql "${control%/*}/vector--$version.sql" &&
    cp source/vector.control "$control"
}
major=$(basename "$(dirname "${postgres_bin:-/none/none}")")
if [ -z "${TROUPE_TEST_POSTGRES-}" ] && [ -n "$postgres_bin" ] && ! is_new; then
  install "postgresql-$major-pgvector"
  is_new || (build_pgvector "$major") </dev/null >/dev/null 2>&1
  if is_new; then
    echo "Installed pgvector."
  else
    echo "Left out: searching vectors in the database; needs pgvector 0.8 or newer (Debian 13: apt install postgresql-17-pgvector)."
  fi
fi
exit 0
