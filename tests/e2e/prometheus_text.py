"""Reads the text of /metrics strictly, as Prometheus would and a little more: every breach is an AssertionError.

    metrics = parse(text)
    metrics["dunetrace_ingest_refused_total", ("reason", "rate")]     # the value
"""
import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
TYPES = ("counter", "gauge", "histogram")


def parse_labels(text):
    labels, at = [], 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match, "bad labels: " + text
        labels.append((match[1], match[2]))
        at = match.end()
    assert len({name for name, _ in labels}) == len(labels), "a label twice: " + text
    return tuple(labels)


def family_of(name, types):
    if name in types:
        return name
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if base != name and types.get(base) == "histogram":
            return base
    raise AssertionError("%s has no # TYPE before it" % name)


def parse(text):
    assert text.endswith("\n"), "the last line is not ended"
    types, helps, samples, order = {}, set(), {}, []
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert NAME.fullmatch(name) and name not in helps, line
            helps.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in TYPES and name not in types and name in helps, line
            assert (kind == "counter") == name.endswith("_total"), "counters end in _total, others do not: " + line
            types[name] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match, "bad line: " + line
            family = family_of(match["name"], types)
            if not order or order[-1] != family:
                assert family not in order, "the samples of %s do not stand together" % family
                order.append(family)
            key = (match["name"], *parse_labels(match["labels"] or ""))
            assert key not in samples, "twice: " + line
            samples[key] = float(match["value"])
            assert types[family] == "gauge" or samples[key] >= 0, line
    check_histograms(types, samples)
    return samples


def check_histograms(types, samples):
    buckets = {}
    for (name, *labels), value in samples.items():
        if name.endswith("_bucket") and types.get(name.removesuffix("_bucket")) == "histogram":
            rest = tuple(l for l in labels if l[0] != "le")
            buckets.setdefault((name.removesuffix("_bucket"), *rest), []).append((float(dict(labels)["le"]), value))
    for (name, *labels), found in buckets.items():
        assert found == sorted(found) and [v for _, v in found] == sorted(v for _, v in found), "buckets of %s are not cumulative" % name
        assert found[-1][0] == math.inf and found[-1][1] == samples[name + "_count", *labels], "%s_count is not the last bucket" % name
        assert (name + "_sum", *labels) in samples, name
