#!/usr/bin/env python3
"""Holds the plugin headers to the frozen description of version 1.0.

  gate.py layout INCLUDE             prints every record, field, offset, size and type
  gate.py constants INCLUDE          prints every constant and its value
  gate.py check-layout INCLUDE FILE      FILE, record by record, must be the beginning of today's layout
  gate.py check-constants INCLUDE FILE   every line of FILE must hold today
  gate.py asserts INCLUDE LAYOUT CONSTANTS   prints a C file that compiles only where both files hold: for other
                                     machines, whose programs cannot be run here
  gate.py anchor INCLUDE             prints a C file whose signatures name every type, for abidw

Called by ctest and by hand; the compiler is $CC, gcc if that is not set.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import header_model

MINOR = "define DUNE_ABI_MINOR "  # the one constant that grows with the contract


def compiled(model, include, statements):
    """What a program with these printf statements prints, when it sees all headers."""
    source = ["#include <inttypes.h>", "#include <stdio.h>"]
    source += [f"#include <{header}>" for header in model.headers]
    source += ["int main(void) {"] + [f"  {s}" for s in statements] + ["  return 0;", "}", ""]
    with tempfile.TemporaryDirectory() as work:
        file = pathlib.Path(work) / "probe.c"
        file.write_text("\n".join(source), encoding="utf-8")
        program = pathlib.Path(work) / "probe"
        subprocess.run([os.environ.get("CC") or "gcc", "-std=gnu11", "-w", f"-I{include}", str(file), "-o", str(program)],
                       check=True)
        return subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout.splitlines()


def record_lines(model, include):
    """[(record, kind, size, [(field, offset, size, type)])], measured by the compiler."""
    statements = []
    for name, fields in model.records.items():
        statements.append(f'printf("%zu\\n", sizeof({name}));')
        statements += [f'printf("%zu %zu\\n", offsetof({name}, {f.name}), sizeof((({name} *)0)->{f.name}));'
                       for f in fields]
    numbers = iter(compiled(model, include, statements))
    out = []
    for name, fields in model.records.items():
        kind = "frozen" if name in header_model.FROZEN else "record"
        size = int(next(numbers))
        rows = [(f.name, *map(int, next(numbers).split()), f.type) for f in fields]
        out.append((name, kind, size, rows))
    return out


def check_holes(records):
    """A byte that belongs to no field is one that compilers may fill differently, or a field the reader missed."""
    for name, _, size, rows in records:
        end = 0
        for field, offset, length, _ in rows:
            if "." in field:
                continue
            if offset != end:
                raise header_model.HeaderError(f"{name}: {offset - end} bytes before {field} belong to no field")
            end = offset + length
        if end != size:
            raise header_model.HeaderError(f"{name}: {size - end} bytes at its end belong to no field")


def layout(include):
    model = header_model.read(include)
    records = record_lines(model, include)
    check_holes(records)
    lines = []
    for name, kind, size, rows in records:
        lines.append(f"{kind} {name} {size}")
        lines += [f"{name} {field} {offset} {length} {kind_}" for field, offset, length, kind_ in rows]
    lines += [f"typedef {name} {kind}" for name, kind in model.typedefs.items()]
    lines += [f"function {name} {kind}" for name, kind in model.functions.items()]
    return lines


def constants(include):
    model = header_model.read(include)
    statements = [f'printf("constant {name} %lld\\n", (long long){name});' for name in model.enumerators]
    for name, is_text in model.defines:
        statements.append(f'printf("define {name} \\"%s\\"\\n", {name});' if is_text else
                          f'printf("define {name} %lld\\n", (long long){name});')
    return compiled(model, include, statements) + [f"macro {macro}" for macro in model.macros]


def grouped(lines):
    """Layout lines as {record: (kind, size, [field line])} and the lines that stand alone."""
    records, others = {}, []
    for line in lines:
        words = line.split(" ", 2)
        if words[0] in ("frozen", "record"):
            records[words[1]] = (words[0], int(words[2]), [])
        elif words[0] in ("typedef", "function"):
            others.append(line)
        else:
            records[words[0]][2].append(line)
    return records, others


def layout_breaks(committed, today):
    problems = []
    old, old_others = grouped(committed)
    new, new_others = grouped(today)
    for name, (kind, size, fields) in old.items():
        if name not in new:
            problems.append(f"{name}: is gone")
            continue
        kind_now, size_now, fields_now = new[name]
        if kind_now != kind:
            problems.append(f"{name}: was {kind}, is {kind_now}")
        for at, line in enumerate(fields):
            if at >= len(fields_now) or fields_now[at] != line:
                problems.append(f"{name}: expected '{line}', found "
                                f"'{fields_now[at] if at < len(fields_now) else 'the end of the record'}'")
                break
        if size_now < size or (kind == "frozen" and (size_now != size or len(fields_now) != len(fields))):
            problems.append(f"{name}: had {size} bytes, has {size_now}" + (", and is frozen" if kind == "frozen" else ""))
    return problems + [f"expected '{line}', which is gone" for line in old_others if line not in new_others]


def anchor(include):
    model = header_model.read(include)
    out = ["/* Names every type of the contract in a signature, so that abidiff sees those reached through void* only. */"]
    out += [f"#include <{header}>" for header in model.headers] + [""]
    for name in model.records:
        out.append(f"DUNE_EXPORT void anchor_{name}(const {name} *value);")
        out.append(f"void anchor_{name}(const {name} *value) {{ (void)value; }}")
    for name in model.typedefs:
        out.append(f"DUNE_EXPORT void anchor_{name}(const {name} *value);")
        out.append(f"void anchor_{name}(const {name} *value) {{ (void)value; }}")
    out.append("const dune_plugin *dune_plugin_entry_v1(void) { return NULL; }")
    return out


def asserts(include, layout_file, constants_file):
    """Sizes, offsets and constants of the committed files as assertions."""
    out = [f"#include <{header}>" for header in header_model.read(include).headers]
    claims = []
    for line in read_lines(layout_file):
        words = line.split(" ", 4)
        if words[0] in ("frozen", "record"):
            claims.append(f"sizeof({words[1]}) {'==' if words[0] == 'frozen' else '>='} {words[2]}")
        elif words[0] not in ("typedef", "function"):
            claims.append(f"offsetof({words[0]}, {words[1]}) == {words[2]}")
            claims.append(f"sizeof((({words[0]} *)0)->{words[1]}) == {words[3]}")
    for line in read_lines(constants_file):
        words = line.split(" ", 2)
        if words[0] in ("constant", "define") and not words[-1].startswith('"') and not line.startswith(MINOR):
            claims.append(f"{words[1]} == {words[2]}")
    return out + [f'_Static_assert({claim}, "");' for claim in claims]


def read_lines(file):
    lines = pathlib.Path(file).read_text(encoding="utf-8").splitlines()
    if len(lines) < 50:
        raise header_model.HeaderError(f"{file}: {len(lines)} lines, that is not the whole contract")
    return lines


def minor(constant_lines):
    return next(int(line.removeprefix(MINOR)) for line in constant_lines if line.startswith(MINOR))


def frozen_minor(file):
    """Of layout-1.0.txt: 0."""
    return int(pathlib.Path(file).stem.rpartition(".")[2])


def main(arguments):
    command, include = arguments[0], arguments[1]
    if command in ("layout", "constants", "anchor"):
        print("\n".join(globals()[command](include)))
        return 0
    if command == "asserts":
        print("\n".join(asserts(include, *arguments[2:])))
        return 0
    committed = read_lines(arguments[2])
    if command == "check-layout":
        today = layout(include)
        problems = layout_breaks(committed, today)
        if today != committed and minor(constants(include)) <= frozen_minor(arguments[2]):
            problems.append("the layout is not that of the frozen version: raise DUNE_ABI_MINOR")
    elif command == "check-constants":
        today = constants(include)
        problems = [f"expected '{line}', which does not hold" for line in committed
                    if line not in today and not line.startswith(MINOR)]
        if minor(today) < minor(committed):
            problems.append("DUNE_ABI_MINOR went back")
    else:
        raise header_model.HeaderError(f"unknown command {command}")
    for problem in problems:
        print(f"FAILED: {problem}")
    print(f"{len(committed)} lines of {pathlib.Path(arguments[2]).name} compared")
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (header_model.HeaderError, subprocess.CalledProcessError) as error:
        print(f"FAILED: {error}")
        sys.exit(1)
