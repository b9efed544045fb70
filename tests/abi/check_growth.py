#!/usr/bin/env python3
"""What version 1.1 will be, tried out: headers that grew everywhere a minor version may grow.

A plugin built with them must do on the frozen 1.0 host what the frozen plugin does, and a host built with them must
get the same from the frozen 1.0 plugin. Usage: check_growth.py INCLUDE_DIR ABI_DIR. Called by ctest; 77 = not on this
machine.
"""
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

import check_refusals

# Every record that may grow gets a field; elements of arrays get one, too, so that all strides change.
GROWING = re.compile(r"\} (dune_(?!str\b|array\b|value\b|error\b|fix\b|header\b)\w+);|"
                     r"(struct (dune_(?:host|json|sink|explain_out)) \{.*?)\n?\};", re.S)


def grown(include, work):
    copy = check_refusals.broken_copy(include, work, [check_refusals.MINOR_1])
    count = 0

    def grow(match):
        nonlocal count
        count += 1
        if match[1]:
            return f"  uint64_t of_version_1_1[2];\n}} {match[1]};"
        return f"{match[2]}\n  uint64_t of_version_1_1[2];\n}};"

    for header in [copy / "dunetrace" / "plugin.h", *(copy / "dunetrace" / "ext").glob("*.h")]:
        header.write_text(GROWING.sub(grow, header.read_text(encoding="utf-8")), encoding="utf-8")
    return copy, count


def build(flags, source, include, out):
    subprocess.run(["gcc", "-std=gnu11", "-w", "-fPIC", f"-I{include}", *flags, str(source), "-o", str(out), "-ldl", "-lm"],
                   check=True)


def said(host, plugin, abi):
    done = subprocess.run([host, plugin, abi / "runs.txt"], capture_output=True, check=True, timeout=20)
    return done.stdout


def main(include, abi):
    if platform.machine() != "x86_64":
        print(f"SKIPPED: the frozen binaries are of x86-64, this is {platform.machine()}")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        copy, count = grown(include, work)
        build(["-shared"], abi / "src" / "frozen_c.c", copy, work / "grown.so")
        build([], abi / "src" / "frozen_host.c", copy, work / "grown_host")
        expected = said(abi / "frozen_host", abi / "frozen_c.so", abi)
        pairs = {"1.1 plugin on the 1.0 host": (abi / "frozen_host", work / "grown.so"),
                 "1.1 plugin on a 1.1 host": (work / "grown_host", work / "grown.so")}
        for language in ("c", "cpp", "rust"):
            pairs[f"1.0 {language} plugin on a 1.1 host"] = (work / "grown_host", abi / f"frozen_{language}.so")
        failed = 0
        for name, (host, plugin) in pairs.items():
            wanted = expected if "_c.so" in str(plugin) or "grown" in str(plugin) else said(abi / "frozen_host", plugin, abi)
            if len(wanted) < 1000 or said(host, plugin, abi) != wanted:
                print(f"FAILED: {name}: something else than with both of version 1.0")
                failed = 1
    records = len((abi / "layout-1.0.txt").read_text(encoding="utf-8").split("record ")) - 1
    if count != records:
        print(f"FAILED: {count} records grew, {records} may")
        failed = 1
    print(f"{count} grown records, {len(pairs)} pairs")
    return failed


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()))
