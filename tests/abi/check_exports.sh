#!/bin/sh
# Every built plugin exports exactly one symbol, the entry, is fully bound at load time and needs nothing of the host.
# Usage: check_exports.sh PLUGIN.so…. Called by ctest.
set -eu
[ $# -gt 0 ] || { echo "FAILED: no plugin was given"; exit 1; }
failed=0
for plugin in "$@"; do
  exported=$(nm -D --defined-only "$plugin" | awk '{print $3}' | sort | tr '\n' ' ')
  if [ "$exported" != "dune_plugin_entry_v1 " ]; then
    echo "FAILED: $plugin exports '$exported', expected dune_plugin_entry_v1 alone"
    failed=1
  fi
  if ! readelf -d "$plugin" | grep -Eq 'BIND_NOW|FLAGS_1.*NOW'; then
    echo "FAILED: $plugin is not bound at load time (-z now)"
    failed=1
  fi
  if readelf -d "$plugin" | grep -q TEXTREL; then
    echo "FAILED: $plugin has text relocations"
    failed=1
  fi
  strange=$(readelf -d "$plugin" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
            grep -Ev '^(libstdc\+\+|libm|libgcc_s|libc|ld-linux-[a-z0-9-]+|libasan|libubsan|libtsan)\.so' || true)
  if [ -n "$strange" ]; then
    echo "FAILED: $plugin needs $strange; a plugin links the language's own libraries only"
    failed=1
  fi
done
echo "$# plugins"
exit "$failed"
