#!/bin/sh
# How the frozen binaries were made, once, on Debian 12 (gcc and g++ 12.2, rustc 1.95). They are never made again: a
# binary of that day is the point. Usage: build.sh OUT_DIR, from anywhere; for looking, not for replacing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
v1=$(dirname "$here")
out=$1
mkdir -p "$out/include/dunetrace"
cp "$v1/plugin-1.0.h" "$out/include/dunetrace/plugin.h"
cp -r "$v1/ext" "$out/include/dunetrace/"
cp "$v1"/../../include/dunetrace/*.hpp "$out/include/dunetrace/"  # the C++ layer is not frozen; what it compiles to is
printf '{ global: dune_plugin_entry_v1; local: *; };\n' > "$out/exports.map"
common="-Os -g0 -Wall -Wextra -Wpedantic -fPIC -I$out/include -Wl,-z,defs -Wl,-z,now -Wl,-z,relro -Wl,--build-id=none -s"
plugin="-shared -fvisibility=hidden -Wl,--version-script=$out/exports.map"
# shellcheck disable=SC2086  # the flags are meant to be split
gcc -std=c11 $common $plugin "$here/frozen_c.c" -o "$out/frozen_c.so"
# shellcheck disable=SC2086
g++ -std=c++17 $common $plugin -fvisibility-inlines-hidden -fno-gnu-unique "$here/frozen_cpp.cpp" -o "$out/frozen_cpp.so"
# shellcheck disable=SC2086
gcc -std=gnu11 $common -pie "$here/frozen_host.c" -ldl -lm -o "$out/frozen_host"
rustc --edition 2021 --crate-type cdylib -C panic=abort -C opt-level=s -C lto=fat -C codegen-units=1 -C strip=symbols \
  -C link-arg=-Wl,-z,now -C link-arg=-Wl,--build-id=none --remap-path-prefix "$here=." \
  -o "$out/frozen_rust.so" "$here/frozen_rust.rs"
