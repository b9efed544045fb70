#!/bin/sh
# Nothing under the frozen version may change, be added or be lost: every file has its line in SHA256SUMS.
# Usage: check_frozen_files.sh ABI_DIR. Called by ctest.
set -eu
cd "$1"
sha256sum --check --strict --quiet SHA256SUMS || { echo "FAILED: a frozen file changed"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
find . -type f ! -name SHA256SUMS ! -name README.md | sort > "$work/found"
sed 's/^[0-9a-f]*  //' SHA256SUMS | sort > "$work/listed"
diff "$work/listed" "$work/found" || { echo "FAILED: SHA256SUMS lists other files than there are"; exit 1; }
echo "$(grep -c . SHA256SUMS) files are as they were frozen"
