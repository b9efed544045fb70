"""The tables of the wire protocol as data: what a client may send to the ingest port, and what it is answered.

A refusal is (name, body, [(type, loc), …]); an acceptance is (name, body, what is stored of the event). Bodies are text,
because much of what they are about is how a value is written. Used by test_wire_tables.py.
"""
import json

EVENT_TYPES = ("run.started", "run.completed", "run.errored", "llm.called", "llm.responded", "tool.called", "tool.responded",
               "retrieval.called", "retrieval.responded", "external.signal", "policy.triggered")
NOT_TEXT = ("null", "1", "1.5", "true", "[]", "{}")
REQUIRED = ("event_type", "run_id", "agent_id", "agent_version", "step_index")
LONGEST_ID = 800  # bytes

TOO_SHORT, NO_STRING, MISSING, NO_OBJECT = "string_too_short", "string_type", "missing", "model_attributes_type"


def event(**members):
    """One valid event as JSON text; a member given as None is left out, any other stands there as written."""
    whole = {"event_type": '"tool.called"', "run_id": '"r"', "agent_id": '"a"', "agent_version": '"v"', "step_index": "1",
             "timestamp": "1767225600.5", "payload": '{"tool_name":"t"}', **members}
    return "{%s}" % ",".join('"%s":%s' % (name, value) for name, value in whole.items() if value is not None)


def batch(*events, **members):
    whole = {"agent_id": '"a"', "events": "[%s]" % ",".join(events), **members}
    return "{%s}" % ",".join('"%s":%s' % (name, value) for name, value in whole.items() if value is not None)


def in_event(member, value, problem):
    """A batch whose second event has this value; the first one shows that the index is told."""
    where = ["body", "events", 1] + ([member] if member else [])
    return ("%s: %s" % (member, (value or "absent")[:60]), batch(event(), event(**{member: value})), [(problem, where)])


def refused_events():
    for member in REQUIRED:
        yield in_event(member, None, MISSING)
    for member in ("event_type", "run_id", "agent_id", "agent_version"):
        for value in NOT_TEXT:
            yield in_event(member, value, NO_STRING)
    for member in ("run_id", "agent_id", "agent_version"):
        yield in_event(member, '""', TOO_SHORT)
        yield in_event(member, r'"\u0000"', TOO_SHORT)
        yield in_event(member, '"%s"' % ("x" * (LONGEST_ID + 1)), "string_too_long")
        yield in_event(member, '"%s"' % ("ü" * (LONGEST_ID // 2) + "x"), "string_too_long")
    for value in ('"foo.bar"', '""', '"Tool.called"', '"tool.called "', r'"tool.called\u0000"'):
        yield in_event("event_type", value, "value_error")
    for value in ("-1", '"-1"', "-1.0", "-9223372036854775808"):
        yield in_event("step_index", value, "greater_than_equal")
    for value in ("2147483648", "3e9", '"2147483648"', "9223372036854775807"):
        yield in_event("step_index", value, "less_than_equal")
    for value in ("1.5", "null", "true", "false", "[]", "[1]", "{}", "1e400", "18446744073709551616"):
        yield in_event("step_index", value, "int_type")
    for value in ('"1.5"', '"x"', '""', '"0x1"', '"nan"', '"Infinity"', '"1e400"', '"1 2"'):
        yield in_event("step_index", value, "int_parsing")
    for value in ("null", "true", "[]", "{}", "1e400", "-1e400"):
        yield in_event("timestamp", value, "float_type")
    for value in ('""', '"now"', '"nan"', '"inf"', '"1e400"', '"2026-01-01T00:00:00Z"'):
        yield in_event("timestamp", value, "float_parsing")
    for value in ("null", "[]", '"{}"', "1", "true"):
        yield in_event("payload", value, "dict_type")
    for value in ("1", "1.5", "true", "[]", "{}"):
        yield in_event("parent_run_id", value, NO_STRING)
    yield in_event("parent_run_id", '"%s"' % ("x" * (LONGEST_ID + 1)), "string_too_long")


def refused_bodies():
    yield ("empty", "", [(MISSING, ["body"])])
    yield ("blank", " \r\n\t", [(MISSING, ["body"])])
    for text in ("{", "nope", "\x00", '{"agent_id":"a",}', "{}{}", "{'agent_id':'a'}", '{"agent_id":NaN}', '\ufeff[', '{"a":01}',
                 batch(event(payload='{"a":' * 80 + "1" + "}" * 80))):
        yield ("no JSON: " + text[:40], text, [("json_invalid", ["body", 0])])
    for text in ("[]", "null", "3", '"x"', "true", "[%s]" % batch(event())):
        yield ("no object: " + text[:20], text, [(NO_OBJECT, ["body"])])
    yield ("nothing in it", "{}", [(MISSING, ["body", "agent_id"]), (MISSING, ["body", "events"])])
    yield ("no agent", batch(event(), agent_id=None), [(MISSING, ["body", "agent_id"])])
    yield ("empty agent", batch(event(), agent_id='""'), [(TOO_SHORT, ["body", "agent_id"])])
    for value in NOT_TEXT:
        yield ("agent_id: " + value, batch(event(), agent_id=value), [(NO_STRING, ["body", "agent_id"])])
    for value in NOT_TEXT[1:]:
        yield ("api_key: " + value, batch(event(), api_key=value), [(NO_STRING, ["body", "api_key"])])
    yield ("no events", batch(events=None), [(MISSING, ["body", "events"])])
    yield ("empty events", batch(), [("too_short", ["body", "events"])])
    for value in ("null", "{}", '"[]"', "1", "true"):
        yield ("events: " + value, batch(events=value), [("list_type", ["body", "events"])])
    yield ("too many events", batch(*[event()] * 501), [("too_long", ["body", "events"])])
    for value in ("null", "7", '"x"', "[]", "true"):
        yield ("event: " + value, batch(event(), value), [(NO_OBJECT, ["body", "events", 1])])
    yield ("two things at once", batch(event(run_id=None), event(), event(step_index="-1", payload="[]")),
           [(MISSING, ["body", "events", 0, "run_id"]), ("greater_than_equal", ["body", "events", 2, "step_index"]),
            ("dict_type", ["body", "events", 2, "payload"])])


def refusals():
    yield from refused_bodies()
    yield from refused_events()


def accepted(name, stored, **members):
    """`stored` names columns of the row and what stands in them, as psql prints it."""
    return (name, members, stored)


def acceptances():
    for kind in EVENT_TYPES:
        yield accepted(kind, {"event_type": kind}, event_type='"%s"' % kind)
    for written, value in (("0", "0"), ("3.0", "3"), ("3e2", "300"), ('"7"', "7"), ('"7.0"', "7"), ("2147483647", "2147483647"), ("-0.0", "0")):
        yield accepted("step_index " + written, {"step_index": value}, step_index=written)
    for written, value in (("1767225600", "1767225600"), ("1767225600.125", "1767225600.125"), ('"1767225600.25"', "1767225600.25"),
                           ("-1.5", "-1.5"), ("0", "0"), ("1.5e3", "1500")):
        yield accepted("timestamp " + written, {'"timestamp"': value}, timestamp=written)
    yield accepted("no payload", {"payload": "{}"}, payload=None)
    yield accepted("odd payload", {"payload": '{"a": [1, {"b": null}], "n": 1.50}'}, payload='{ "n":1.50, "a":[1,{"b":null}] }')
    yield accepted("NUL in a payload", {"payload": '{"a": "xy"}'}, payload=r'{"a":"x\u0000y"}')
    yield accepted("lone surrogate", {"payload": '{"a": "\ufffd"}'}, payload=r'{"a":"\ud800"}')
    yield accepted("NUL in a version", {"agent_version": "v1"}, agent_version=r'"v\u00001"')
    yield accepted("free text as version", {"agent_version": "gpt-4o mini (März)"}, agent_version='"gpt-4o mini (März)"')
    yield accepted("longest version", {"length(agent_version)": "800"}, agent_version='"%s"' % ("x" * LONGEST_ID))
    yield accepted("no parent", {"parent_run_id": ""}, parent_run_id="null")
    yield accepted("a parent", {"parent_run_id": "r-0"}, parent_run_id='"r-0"')
    yield accepted("unknown member", {"payload": '{"tool_name": "t"}'}, colour='"red"')
    yield accepted("readable arguments", {"payload": '{"args_hash": "b1710699482d2c48"}'},
                   payload='{"args_hash":"eyJxdWVyeSI6InNhbWUgcXVlcnkgZXZlcnkgdGltZSJ9"}')
    yield accepted("a hash", {"payload": '{"args_hash": "2cf24dba5fb0a30e"}'}, payload='{"args_hash":"2cf24dba5fb0a30e"}')
    yield accepted("a readable error", {"payload": '{"error_hash": "e0644cfa3456d238"}'}, payload='{"error_hash":"Y29ubmVjdGlvbiByZWZ1c2Vk"}')


def refused_deploys():
    def deploy(**members):
        whole = {"agent_id": '"a"', "version": '"v"', **members}
        return "{%s}" % ",".join('"%s":%s' % (name, value) for name, value in whole.items() if value is not None)

    for member in ("agent_id", "version"):
        yield (deploy(**{member: None}), [(MISSING, ["body", member])])
        yield (deploy(**{member: '""'}), [(TOO_SHORT, ["body", member])])
        yield (deploy(**{member: '"%s"' % ("x" * (LONGEST_ID + 1))}), [("string_too_long", ["body", member])])
        for value in NOT_TEXT:
            yield (deploy(**{member: value}), [(NO_STRING, ["body", member])])
    for value in ("[]", '"{}"', "1", "true"):
        yield (deploy(meta=value), [("dict_type", ["body", "meta"])])
    for value in NOT_TEXT[1:]:
        yield (deploy(api_key=value), [(NO_STRING, ["body", "api_key"])])
    for text in ("", " "):
        yield (text, [(MISSING, ["body"])])
    for text in ("{", "nope"):
        yield (text, [("json_invalid", ["body", 0])])
    for text in ("[]", "null", "7"):
        yield (text, [(NO_OBJECT, ["body"])])


def problems_of(answer):
    """(type, loc) of a 422 body, after a look at its shape."""
    detail = json.loads(answer)["detail"]
    assert isinstance(detail, list) and detail, answer
    for one in detail:
        assert isinstance(one["type"], str) and isinstance(one["msg"], str) and one["msg"], answer
    return [(one["type"], one["loc"]) for one in detail]
