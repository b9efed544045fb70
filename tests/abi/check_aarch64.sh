#!/bin/sh
# The layout of version 1.0 is the same on aarch64: every size, offset and constant as an assertion, compiled for that
# machine. A 32-bit machine must be refused. Usage: check_aarch64.sh INCLUDE_DIR ABI_DIR. Called by ctest.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
include=$1
abi=$2
for name in clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do
  if command -v "$name" > /dev/null; then clang=$name; break; fi
done
[ -n "${clang:-}" ] || { echo "FAILED: clang is not installed (scripts/setup test)"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/gate.py" asserts "$include" "$abi/layout-1.0.txt" "$abi/constants-1.0.txt" > "$work/asserts.c"

# -ffreestanding: the compiler's own stdint.h; no library of that machine is needed.
compiles() { "$clang" --target="$1" -ffreestanding -fsyntax-only -std=c11 -Werror -I"$include" "$2" 2> "$work/log"; }
compiles aarch64-linux-gnu "$work/asserts.c" || { echo "FAILED: another layout on aarch64"; cat "$work/log"; exit 1; }
printf '#include <dunetrace/plugin.h>\n' > "$work/alone.c"
if compiles i386-linux-gnu "$work/alone.c"; then echo "FAILED: plugin.h compiles on a 32-bit machine"; exit 1; fi
grep -q 'must have' "$work/log" || { echo "FAILED: not refused by the size asserts"; cat "$work/log"; exit 1; }
sed 's/dune_signal, confidence) == 24/dune_signal, confidence) == 32/' "$work/asserts.c" > "$work/wrong.c"
if cmp -s "$work/asserts.c" "$work/wrong.c" || compiles aarch64-linux-gnu "$work/wrong.c"; then
  echo "FAILED: a wrong offset went unnoticed"
  exit 1
fi
echo "$(grep -c _Static_assert "$work/asserts.c") assertions hold on aarch64"
