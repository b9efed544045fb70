#!/bin/sh
# Compiles every public C header alone in every language version it promises, and every C++ header in its own, with
# gcc and with clang. Usage: check_headers.sh INCLUDE_DIR. Called by ctest; writes to a private temporary directory.
set -eu

if [ "$1" = --one ]; then  # INCLUDE_DIR, compiler, language, standard, header
  log=$(printf '#include <%s>\n#include <%s>\n' "$6" "$6" |
        "$3" -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I"$2" -x "$4" -std="$5" - 2>&1) && exit 0
  printf 'FAILED: %s with %s -std=%s\n%s\n' "$6" "$3" "$5" "$log"
  exit 1
fi

include=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# Debian's package of a certain version brings the name with the version alone.
first_of() { for name in "$@"; do if command -v "$name"; then return; fi; done; }
gcc=$(first_of gcc)
clang=$(first_of clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
[ -n "$gcc" ] || { echo "FAILED: gcc is not installed"; exit 1; }
[ -n "$clang" ] || { echo "FAILED: clang is not installed (scripts/setup test)"; exit 1; }

headers() { (cd "$include" && find dunetrace -name "$1" | sort); }

for compiler in "$gcc" "$clang"; do
  for header in $(headers '*.h'); do
    for standard in c99 c11 c17; do echo "$compiler c $standard $header"; done
    for standard in c++11 c++14 c++17 c++20; do echo "$compiler c++ $standard $header"; done
  done
  for header in $(headers '*.hpp'); do
    for standard in c++17 c++20; do echo "$compiler c++ $standard $header"; done
  done
done > "$work/jobs"
compiled=$(grep -c . "$work/jobs" || true)
[ "$compiled" -ge 50 ] || { echo "FAILED: only $compiled compilations for the headers in $include"; failed=1; }
xargs -P "$(nproc)" -L 1 "$0" --one "$include" < "$work/jobs" || failed=1

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

echo "$compiled compilations"
exit "$failed"
