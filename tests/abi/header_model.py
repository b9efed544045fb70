"""What the plugin headers declare: records with their fields, enumerators, #defines, typedefs, functions.

Used by gate.py. The headers are written in a small part of C on purpose; a declaration this reader does not know is
an error, so nothing can enter the contract without being listed.
"""
import pathlib
import re
from dataclasses import dataclass, field

# Embedded by value in other records, or walked without a stride: they may not even grow at the end.
FROZEN = ("dune_str", "dune_array", "dune_value", "dune_error", "dune_fix", "dune_header")


class HeaderError(Exception):
    pass


@dataclass
class Field:
    name: str  # "as.i" for a member of the union `as`
    type: str


@dataclass
class Model:
    headers: list = field(default_factory=list)  # as they are included, "dunetrace/plugin.h"
    records: dict = field(default_factory=dict)  # name -> [Field]
    forwards: set = field(default_factory=set)
    enumerators: list = field(default_factory=list)
    defines: list = field(default_factory=list)  # with a value: number or text
    macros: list = field(default_factory=list)  # without one: "DUNE_AT(arr, type, i)"
    typedefs: dict = field(default_factory=dict)
    functions: dict = field(default_factory=dict)


def plain_type(text):
    """`const dune_host*h` -> `const dune_host *`: one spelling for one type, without parameter names."""
    text = re.sub(r"\s+", " ", re.sub(r"\*", " * ", text)).strip()
    return text.replace("* *", "**").strip()


def parameter_type(text):
    words = re.findall(r"\*|\w+", text)
    names = [w for w in words if w not in ("*", "const", "struct", "void")]
    if names and words[-1] == names[-1] and (len(names) > 1 or "void" in words):
        words.pop()
    return plain_type(" ".join(words))


def signature(result, parameters):
    return f"{plain_type(result)} (*)({', '.join(parameter_type(p) for p in parameters.split(','))})"


def split_fields(body):
    parts, depth, start = [], 0, 0
    for at, char in enumerate(body):
        depth += (char in "{(") - (char in "})")
        if char == ";" and depth == 0:
            parts.append(body[start:at].strip())
            start = at + 1
    if body[start:].strip():
        raise HeaderError(f"a field without an end: {body[start:].strip()!r}")
    return parts


def read_field(text):
    union = re.fullmatch(r"union\s*\{(.*)\}\s*(\w+)", text, re.S)
    if union:
        members = [m for part in split_fields(union[1]) for m in read_field(part)]
        return [Field(union[2], "union")] + [Field(f"{union[2]}.{m.name}", m.type) for m in members]
    function = re.fullmatch(r"([\w\s*]+?)\(\s*\*\s*(\w+)\s*\)\s*\(([^()]*)\)", text, re.S)
    if function:
        return [Field(function[2], signature(function[1], function[3]))]
    array = re.fullmatch(r"([\w\s*]+?)\b(\w+)\s*\[(\d+)\]", text, re.S)
    if array:
        return [Field(array[2], f"{plain_type(array[1])}[{array[3]}]")]
    plain = re.fullmatch(r"((?:const\s+)?\w+)([\s*]+)(\w+(?:\s*,\s*\w+)*)", text, re.S)
    if not plain or ("*" in plain[2] and "," in plain[3]):
        raise HeaderError(f"a field this reader does not know: {text!r}")
    return [Field(name.strip(), plain_type(plain[1] + plain[2])) for name in plain[3].split(",")]


def read_preprocessor(text, model):
    """Notes the #defines and takes all preprocessor lines away."""
    rest = []
    for line in text.replace("\\\n", " ").split("\n"):
        if not line.lstrip().startswith("#"):
            rest.append(line)
            continue
        define = re.match(r"\s*#\s*define\s+(\w+)(\([^)]*\))?\s*(.*?)\s*$", line)
        if not define or define[1].endswith("_H") or define[1] == "DUNE_ASSERT_SIZE":
            continue
        name, arguments, value = define.groups()
        if not arguments and re.fullmatch(r'"[^"]*"|0[xX][0-9a-fA-F]+[uU]?|\d+[uU]?', value):
            model.defines.append((name, value.startswith('"')))
        elif name + (arguments or "") not in model.macros:
            model.macros.append(name + (arguments or ""))
    return "\n".join(rest)


def record(model, match):
    name = match[1]
    if match.lastindex and match.lastindex >= 3 and match[3] != name:
        raise HeaderError(f"struct {name} has the typedef {match[3]}")
    if name in model.records:
        raise HeaderError(f"{name} is declared twice")
    model.records[name] = [f for part in split_fields(match[2]) for f in read_field(part)]


def enumeration(model, match):
    for entry in filter(str.strip, match[1].split(",")):
        model.enumerators.append(re.fullmatch(r"\s*(\w+)\s*(=.*)?", entry, re.S)[1])


# What a header may consist of; anything else is refused.
DECLARATIONS = (
    (r"typedef\s+struct\s+(\w+)\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*(\w+)\s*;", record),
    (r"struct\s+(\w+)\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*;", record),
    (r"typedef\s+struct\s+(\w+)\s+\1\s*;", lambda model, m: model.forwards.add(m[1])),
    (r"enum\s*\{([^{}]*)\}\s*;", enumeration),
    (r"typedef\s+([\w\s*]+?)\(\s*\*\s*(\w+)\s*\)\s*\(([^()]*)\)\s*;",
     lambda model, m: model.typedefs.update({m[2]: signature(m[1], m[3])})),
    (r"typedef\s+(\w+)\s+(\w+)\s*;", lambda model, m: model.typedefs.update({m[2]: m[1]})),
    (r"DUNE_EXPORT\s+([\w\s*]+?)(\w+)\s*\(([^()]*)\)\s*;",
     lambda model, m: model.functions.update({m[2]: signature(m[1], m[3])})),
    (r"DUNE_ASSERT_SIZE\s*\([^()]*\)\s*;", None),
    (r"_?[Ss]tatic_assert\s*\((?:[^()]|\([^()]*\))*\)\s*;", None),
    (r'extern\s+"C"\s*\{', None),
    (r"\}", None),
)


def read_header(text, model):
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
    text = read_preprocessor(text, model)
    at = 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        for pattern, take in DECLARATIONS:
            match = re.compile(pattern, re.S).match(text, at)
            if match:
                if take:
                    take(model, match)
                at = match.end()
                break
        else:
            raise HeaderError(f"a declaration this reader does not know: {text[at:at + 80]!r}")


def read(include):
    """The model of every frozen header below `include`: plugin.h and ext/*.h, drafts left out."""
    folder = pathlib.Path(include) / "dunetrace"
    files = sorted(folder.glob("*.h")) + sorted((folder / "ext").glob("*.h"))
    if not (folder / "plugin.h") in files:
        raise HeaderError(f"{folder}: no plugin.h")
    model = Model()
    for file in files:
        model.headers.append(str(file.relative_to(include)))
        try:
            read_header(file.read_text(encoding="utf-8"), model)
        except HeaderError as error:
            raise HeaderError(f"{file.name}: {error}") from error
    for name in model.forwards - set(model.records):
        raise HeaderError(f"{name} is declared and never described")
    for name, fields in model.records.items():
        for f in fields:
            if f.type in model.records and f.type not in FROZEN:
                raise HeaderError(f"{name}.{f.name} embeds {f.type}, which may grow")
    return model
