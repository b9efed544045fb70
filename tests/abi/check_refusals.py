#!/usr/bin/env python3
"""Breaks copies of the plugin headers on purpose and requires the gates to refuse them, and to let pass what a minor
version may do. Usage: check_refusals.py INCLUDE_DIR ABI_DIR. Called by ctest.

The size asserts of the headers are taken out first, so that each gate has to see the damage itself; one last case
leaves them in.
"""
import concurrent.futures
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PLUGIN = "plugin.h"
MINOR_1 = (PLUGIN, "#define DUNE_ABI_MINOR 0u", "#define DUNE_ABI_MINOR 1u")

# name, edits (header, old, new), the gates that must refuse it; every other gate must let it pass
CASES = (
    ("nothing", [], ""),
    ("field inserted in the middle", [MINOR_1, (PLUGIN, "  dune_str   type;                                    /* absent",
                                                "  uint64_t colour; dune_str type; /* absent")], "layout abidiff"),
    ("element field inserted", [MINOR_1, (PLUGIN, "dune_str   index_name; int64_t result_count;",
                                          "dune_str   index_name; int64_t page; int64_t result_count;")], "layout abidiff"),
    ("field removed", [MINOR_1, (PLUGIN, "  int32_t  step_index; uint32_t reserved;\n  dune_str   evidence_json;",
                                 "  dune_str   evidence_json;")], "layout abidiff"),
    ("last field removed", [MINOR_1, (PLUGIN, "dune_array alerts; int64_t deadline_ms;", "dune_array alerts;")],
     "layout abidiff"),
    ("fields swapped", [MINOR_1, (PLUGIN, "run_id, agent_id, agent_version, category",
                                  "agent_id, run_id, agent_version, category")], "layout abidiff"),
    ("field retyped, same size", [MINOR_1, (PLUGIN, "int64_t result_count; double top_score;",
                                            "double result_count; double top_score;")], "layout abidiff"),
    ("sign changed", [MINOR_1, (PLUGIN, "uint32_t  (*cancelled)", "int32_t  (*cancelled)")], "layout abidiff"),
    ("function argument added", [MINOR_1, (PLUGIN, "(*emit)(dune_sink *, const dune_signal *);",
                                           "(*emit)(dune_sink *, const dune_signal *, uint32_t);")], "layout abidiff"),
    ("function of an extension removed", [MINOR_1, ("ext/json.h", "  dune_status (*get_bool)", "  //")], "layout abidiff"),
    ("frozen type grown", [MINOR_1, (PLUGIN, "dune_str description, language, code; }",
                                     "dune_str description, language, code, link; }")], "layout abidiff"),
    ("frozen type grown, embedded", [MINOR_1, (PLUGIN, "uint32_t count; uint32_t stride; }",
                                               "uint32_t count; uint32_t stride; uint64_t total; }")], "layout abidiff"),
    ("error record grown", [MINOR_1, (PLUGIN, "char message[504];", "char message[1016];")], "layout abidiff"),
    ("status widened", [MINOR_1, (PLUGIN, "typedef int32_t dune_status;", "typedef int64_t dune_status;")],
     "layout abidiff"),
    ("record removed", [MINOR_1, (PLUGIN, "typedef struct dune_header { dune_str name, value; } dune_header;",
                                  "typedef dune_fix dune_header;")], "layout abidiff"),
    ("extension removed", [MINOR_1, ("ext/clock.h", "typedef struct dune_host_clock_v1 {", "typedef struct dune_watch {"),
                           ("ext/clock.h", "} dune_host_clock_v1;", "} dune_watch;")], "layout abidiff"),
    ("constant changed", [(PLUGIN, "DUNE_E_LIMIT = -7,", "DUNE_E_LIMIT = -11,")], "constants"),
    ("enumerator inserted", [(PLUGIN, "DUNE_EVENT_OTHER = 0, DUNE_EVENT_RUN_STARTED,",
                              "DUNE_EVENT_OTHER = 0, DUNE_EVENT_RUN_QUEUED, DUNE_EVENT_RUN_STARTED,")], "constants"),
    ("presence bit moved", [(PLUGIN, "DUNE_TOOL_HAS_LATENCY = 1u << 1, DUNE_TOOL_HAS_OUTPUT_LENGTH = 1u << 2",
                             "DUNE_TOOL_HAS_LATENCY = 1u << 2, DUNE_TOOL_HAS_OUTPUT_LENGTH = 1u << 1")], "constants"),
    ("constant removed", [(PLUGIN, "DUNE_RETRY_LATER = 1, DUNE_REJECTED = 2", "DUNE_RETRY_LATER = 1")], "constants"),
    ("interface id changed", [(PLUGIN, '"dune.alert/1"\n', '"dune.alerts/1"\n')], "constants"),
    ("magic changed", [(PLUGIN, "0x31544E44u", "0x32544E44u")], "constants"),
    ("unknown kind of declaration", [(PLUGIN, "typedef struct dune_fix {",
                                      "typedef union dune_word { uint64_t u; double d; } dune_word;\ntypedef struct dune_fix {")],
     "layout constants"),
    ("hole without a name", [MINOR_1, (PLUGIN, "const dune_fix *fixes;\n} dune_template;",
                                       "const dune_fix *fixes; uint32_t colour;\n} dune_template;")], "layout"),
    ("growing record embedded", [MINOR_1, (PLUGIN, "const dune_fix *fixes;\n} dune_template;",
                                           "const dune_fix *fixes; dune_signal like;\n} dune_template;")], "layout constants"),
    ("field appended without a new minor", [(PLUGIN, "const dune_fix *fixes;\n} dune_template;",
                                             "const dune_fix *fixes; dune_str link;\n} dune_template;")], "layout"),
    # What a minor version may do.
    ("field appended", [MINOR_1, (PLUGIN, "const dune_fix *fixes;\n} dune_template;",
                                  "const dune_fix *fixes; dune_str link;\n} dune_template;")], ""),
    ("element field appended with its bit", [MINOR_1, (PLUGIN, "double top_score;\n} dune_retrieval;",
                                                       "double top_score; int64_t latency_ms;\n} dune_retrieval;"),
                                             (PLUGIN, "DUNE_RETRIEVAL_HAS_TOP_SCORE = 1u << 0 };",
                                              "DUNE_RETRIEVAL_HAS_TOP_SCORE = 1u << 0, DUNE_RETRIEVAL_HAS_LATENCY = 1u << 1 };")],
     ""),
    ("function appended", [MINOR_1, (PLUGIN, "} dune_detector_v1;",
                                     "  void (*forget)(void *instance, dune_str run_id);\n} dune_detector_v1;")], ""),
    ("constant, record and event kind added", [MINOR_1, (PLUGIN, "DUNE_EVENT_POLICY_TRIGGERED }",
                                                         "DUNE_EVENT_POLICY_TRIGGERED, DUNE_EVENT_RUN_PAUSED }"),
                                               ("ext/clock.h", "typedef struct dune_host_clock_v1 {",
                                                "typedef struct dune_pause { uint32_t struct_size; uint32_t reserved; } dune_pause;\n"
                                                "typedef struct dune_host_clock_v1 {")], ""),
)
ASSERT = re.compile(r"^(DUNE_ASSERT_SIZE|static_assert|_Static_assert)\b.*;\n", re.M)


def broken_copy(include, work, edits, with_asserts=False):
    copy = work / "include"
    if copy.exists():
        shutil.rmtree(copy)
    shutil.copytree(include, copy)
    for header in [copy / "dunetrace" / PLUGIN, *(copy / "dunetrace" / "ext").glob("*.h")]:
        text = header.read_text(encoding="utf-8")
        for name, old, new in edits:
            if header == copy / "dunetrace" / name:
                if text.count(old) != 1:
                    raise SystemExit(f"FAILED: {name} has {text.count(old)} times {old!r}: adapt this case")
                text = text.replace(old, new)
        header.write_text(text if with_asserts else ASSERT.sub("", text), encoding="utf-8")
    return copy


def gates(abi):
    out = {
        "layout": lambda copy: [sys.executable, HERE / "gate.py", "check-layout", copy, abi / "layout-1.0.txt"],
        "constants": lambda copy: [sys.executable, HERE / "gate.py", "check-constants", copy, abi / "constants-1.0.txt"],
    }
    if platform.machine() == "x86_64":
        out["abidiff"] = lambda copy: [HERE / "check_abidiff.sh", copy, abi]
    return out


def judged(include, abi, case):
    """What is wrong with the gates' opinions of one case."""
    name, edits, refusing = case
    problems = []
    with tempfile.TemporaryDirectory() as work:
        copy = broken_copy(include, pathlib.Path(work), edits)
        for gate, command in gates(abi).items():
            done = subprocess.run(command(copy), capture_output=True, text=True, check=False)
            refused = done.returncode != 0
            if refused and "FAILED" not in done.stdout or "Traceback" in done.stderr:
                problems.append(f"{name}: the {gate} gate broke down:\n{done.stdout}{done.stderr}")
            elif refused != (gate in refusing.split()):
                problems.append(f"{name}: the {gate} gate {'refused' if refused else 'let pass'} it\n{done.stdout}")
    return problems


def asserts_miss(include):
    """With the asserts left in, the compiler itself must refuse an inserted field."""
    problems = []
    with tempfile.TemporaryDirectory() as work:
        copy = broken_copy(include, pathlib.Path(work), [CASES[1][1][1]], with_asserts=True)
        for language in ("c", "c++"):
            probe = subprocess.run(["gcc", "-fsyntax-only", f"-I{copy}", "-x", language, "-"], text=True, check=False,
                                   input="#include <dunetrace/plugin.h>\n", capture_output=True)
            if probe.returncode == 0 or "dune_signal must have 56 bytes" not in probe.stderr:
                problems.append(f"the size asserts let an inserted field pass in {language}")
    return problems


def main(include, abi):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [p for found in pool.map(lambda case: judged(include, abi, case), CASES) for p in found]
    problems += asserts_miss(include)
    for problem in problems:
        print(f"FAILED: {problem}")
    print(f"{len(CASES) + 1} headers, {len(gates(abi))} gates")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()))
