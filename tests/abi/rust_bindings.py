#!/usr/bin/env python3
"""Rust bindings of the plugin headers: rust_bindings.py INCLUDE_DIR prints them.

  rust_bindings.py INCLUDE_DIR --check FILE   FILE must be what would be printed; with a rustc at hand it must compile,
                                              and its own assertions hold
  rust_bindings.py INCLUDE_DIR --write FILE

Called by ctest and by hand after the headers grew.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import gate
import header_model

PLAIN = {"uint16_t": "u16", "uint32_t": "u32", "int32_t": "i32", "int64_t": "i64", "double": "f64", "size_t": "usize",
         "char": "u8", "void": "c_void"}
KEYWORDS = {"as", "box", "dyn", "fn", "impl", "in", "loop", "match", "mod", "move", "mut", "pub", "ref", "type", "use", "where"}
# Constants that are compared with a dune_status.
STATUS = re.compile(r"DUNE_(OK|E_\w+|DELIVERED|RETRY_LATER|REJECTED|JSON_ABSENT|JSON_OTHER_TYPE)$")
HEAD = """// The plugin ABI, version {version}, for Rust: generated from dunetrace/plugin.h and dunetrace/ext/*.h, which say what
// everything means. Do not edit: a test compares this file with the headers.
#![allow(non_camel_case_types, dead_code)]
use core::ffi::c_void;
use core::mem::{{align_of, offset_of, size_of}};
"""


def name_of(name):
    return f"r#{name}" if name in KEYWORDS else name


def type_of(text):
    array = re.fullmatch(r"(.+)\[(\d+)\]", text)
    if array:
        return f"[{type_of(array[1])}; {array[2]}]"
    function = re.fullmatch(r"(.+) \(\*\)\((.*)\)", text)
    if function:
        arguments = ", ".join(type_of(a) for a in function[2].split(", ") if a != "void")
        result = "" if function[1] == "void" else f" -> {type_of(function[1])}"
        return f'Option<unsafe extern "C" fn({arguments}){result}>'
    stars = text.count("*")
    base = text.replace("*", "").strip()
    constant = base.startswith("const ")
    out = base.removeprefix("const ").strip()
    out = PLAIN.get(out, out)
    for level in range(stars):
        out = f"*{'const' if constant and level == 0 else 'mut'} {out}"
    return out


def record_text(name, fields):
    lines, union = ["#[repr(C)]", "#[derive(Clone, Copy)]", f"pub struct {name} {{"], []
    for field in fields:
        if "." in field.name:
            union.append(f"    pub {name_of(field.name.split('.')[1])}: {type_of(field.type)},")
        else:
            kind = f"{name}_{field.name}" if field.type == "union" else type_of(field.type)
            lines.append(f"    pub {name_of(field.name)}: {kind},")
    lines.append("}")
    if union:
        owner = next(f.name for f in fields if f.type == "union")
        lines = ["#[repr(C)]", "#[derive(Clone, Copy)]", f"pub union {name}_{owner} {{", *union, "}", *lines]
    return lines


def constant_text(line):
    if line.startswith("macro "):
        return None
    _, name, value = line.split(" ", 2)
    if value.startswith('"'):
        return f"pub const {name}: &str = {value};"
    number = "dune_status" if STATUS.match(name) else "u16" if name.startswith("DUNE_ABI_") else "u32"
    return f"pub const {name}: {number} = {value};"


def bindings(include):
    model = header_model.read(include)
    constants = gate.constants(include)
    out = [HEAD.format(version=f"1.{gate.minor(constants)}")]
    out += [f"pub type {name} = {type_of(kind)};" for name, kind in model.typedefs.items()] + [""]
    out += [text for text in map(constant_text, constants) if text] + [""]
    for name, fields in model.records.items():
        out += record_text(name, fields) + [""]
    out += ["// Static tables point to static data.", *(f"unsafe impl Sync for {name} {{}}" for name in model.records), ""]
    out.append("const _: () = {")
    for name, _, size, rows in gate.record_lines(model, include):
        out.append(f"    assert!(size_of::<{name}>() == {size} && align_of::<{name}>() <= 8);")
        out += [f"    assert!(offset_of!({name}, {name_of(field)}) == {offset});"
                for field, offset, _, _ in rows if "." not in field]
    return "\n".join([*out, "};", ""])


def check(text, file):
    if file.read_text(encoding="utf-8") != text:
        print(f"FAILED: {file} is not what the headers say; run {pathlib.Path(__file__).name} INCLUDE_DIR --write {file}")
        return 1
    rustc = shutil.which("rustc") or shutil.which("rustc", path=str(pathlib.Path.home() / ".cargo" / "bin"))
    if not rustc:
        print("no rustc here: compared with the headers, not compiled")
        return 0
    with tempfile.TemporaryDirectory() as work:
        done = subprocess.run([rustc, "--edition", "2021", "--crate-type", "lib", "--emit", "metadata", "-D", "warnings",
                               "--out-dir", work, str(file)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"FAILED: {file} does not compile:\n{done.stderr}")
        return 1
    print(f"{text.count('assert!')} assertions hold in Rust")
    return 0


def main(arguments):
    text = bindings(arguments[0])
    if len(arguments) == 1:
        print(text, end="")
        return 0
    file = pathlib.Path(arguments[2])
    if arguments[1] == "--write":
        file.write_text(text, encoding="utf-8")
        return 0
    return check(text, file)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except header_model.HeaderError as error:
        print(f"FAILED: {error}")
        sys.exit(1)
