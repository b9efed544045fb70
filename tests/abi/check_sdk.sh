#!/bin/sh
# Puts the SDK where an installation would put it and builds a C and a C++ plugin of a project outside of this tree
# against it. Usage: check_sdk.sh SOURCE_DIR. Called by ctest; writes to a private temporary directory.
set -eu
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/prefix/include" "$work/prefix/lib/cmake/dunetrace-sdk"
cp -r "$source/sdk/plugin/include/dunetrace" "$work/prefix/include/"
cp "$source"/sdk/plugin/cmake/* "$work/prefix/lib/cmake/dunetrace-sdk/"
cp -r "$source/tests/abi/outside" "$work/project"
cmake -S "$work/project" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" > "$work/log" 2>&1 ||
  { cat "$work/log"; exit 1; }
cmake --build "$work/build" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
exec "$source/tests/abi/check_exports.sh" "$work/build/in_cpp.so" "$work/build/in_c.so"
