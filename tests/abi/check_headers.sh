#!/bin/sh
# Compiles every public C header alone in every language version it promises, and every C++ header in its own, with
# gcc and with clang. Usage: check_headers.sh INCLUDE_DIR. Called by ctest; writes to a private temporary directory.
set -eu
include=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags="-fsyntax-only -Wall -Wextra -Wpedantic -Werror -I$include"
failed=0
compiled=0

check() {  # compiler, language, standard, header
  printf '#include <%s>\n#include <%s>\n' "$4" "$4" > "$work/probe"
  compiled=$((compiled + 1))
  # shellcheck disable=SC2086  # the flags are meant to be split
  if ! "$1" $flags -x "$2" -std="$3" "$work/probe" 2> "$work/log"; then
    echo "FAILED: $4 with $1 -std=$3"
    cat "$work/log"
    failed=1
  fi
}

headers() { (cd "$include" && find dunetrace -name "$1" | sort); }

# Debian's package of a certain version brings the name with the version alone.
first_of() { for name in "$@"; do if command -v "$name"; then return; fi; done; }
gcc=$(first_of gcc)
clang=$(first_of clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
[ -n "$gcc" ] || { echo "FAILED: gcc is not installed"; exit 1; }
[ -n "$clang" ] || { echo "FAILED: clang is not installed (scripts/setup test)"; exit 1; }

for compiler in "$gcc" "$clang"; do
  for header in $(headers '*.h'); do
    for standard in c99 c11 c17; do check "$compiler" c "$standard" "$header"; done
    for standard in c++11 c++14 c++17 c++20; do check "$compiler" c++ "$standard" "$header"; done
  done
  for header in $(headers '*.hpp'); do
    for standard in c++17 c++20; do check "$compiler" c++ "$standard" "$header"; done
  done
done

# The asserts must be able to fail: a record that lost a field has to be noticed.
mkdir -p "$work/broken"
cp -r "$include/dunetrace" "$work/broken/"
sed -i 's/dune_str description, language, code;/dune_str description, language;/' "$work/broken/dunetrace/plugin.h"
for pair in c:c11 c++:c++11; do
  printf '#include <dunetrace/plugin.h>\n' > "$work/probe"
  if gcc -fsyntax-only "-I$work/broken" -x "${pair%%:*}" -std="${pair#*:}" "$work/probe" 2> /dev/null; then
    echo "FAILED: a shrunken dune_fix went unnoticed in ${pair#*:}"
    failed=1
  fi
done

[ "$compiled" -gt 0 ] || { echo "FAILED: nothing was compiled"; failed=1; }
echo "$compiled compilations"
exit "$failed"
