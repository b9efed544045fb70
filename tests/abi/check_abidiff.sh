#!/bin/sh
# A second opinion on the layout, by libabigail: a library that names every type of the contract, compiled with today's
# headers, against the description of version 1.0. Usage: check_abidiff.sh INCLUDE_DIR ABI_DIR. Called by ctest.
#   check_abidiff.sh --describe INCLUDE_DIR ABI_DIR > dunetrace-1.0.abi    wrote that description, once
set -eu
describe=no
if [ "$1" = --describe ]; then describe=yes; shift; fi
include=$1
abi=$2
for tool in abidiff abidw gcc; do
  command -v "$tool" > /dev/null || { echo "FAILED: $tool is not installed (scripts/setup test)"; exit 1; }
done
if [ "$(uname -m)" != x86_64 ]; then
  echo "SKIPPED: the description is of x86-64, this is $(uname -m)"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$abi/src/anchor.c" "$work/anchor.c"
if ! (cd "$work" && gcc -std=gnu11 -O0 -g -gdwarf-4 -fno-eliminate-unused-debug-types -fPIC -shared -I"$include" -w \
       -Wl,-soname,dunetrace-anchor.so anchor.c -o anchor.so); then
  echo "FAILED: the anchor of version 1.0 does not compile with these headers"
  exit 1
fi
if [ "$describe" = yes ]; then
  exec abidw --no-corpus-path --no-comp-dir-path --no-show-locs "$work/anchor.so"
fi

refuse() { echo "FAILED: abidiff sees the contract changed"; cat "$work/report"; exit 1; }
# With the suppressions nothing may be left; but they hide every change of a record that has no insertion, too
# (measured with libabigail 2.2). So the whole report may hold insertions only.
abidiff --suppressions "$abi/dunetrace.suppr" "$abi/dunetrace-1.0.abi" "$work/anchor.so" > "$work/report" 2>&1 || refuse
status=0
abidiff --leaf-changes-only "$abi/dunetrace-1.0.abi" "$work/anchor.so" > "$work/report" 2>&1 || status=$?
[ "$status" -eq 0 ] || [ "$status" -eq 4 ] || refuse
if grep -Eq 'data member (changes?:|deletion)|sub-type change|[1-9][0-9]* Removed' "$work/report"; then refuse; fi
echo "abidiff sees no change that a minor version must not make"
