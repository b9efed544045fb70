"""What happens to events on their way: lost, repeated, out of order, with nulls, wrong types and hostile texts.

Used by random_runs.py. Pure; all randomness comes from the generator passed in.
"""
import copy
import math

HOSTILE_TEXTS = ["\x00", "a\x00b", "\ud800", "x\udfffy", "\U0001f600", "'; DROP TABLE events; --", 'say "hi" \\ \n\t\r',
                 "\u202eevil", "x" * 900, "\u00e9" * 300, "<script>alert(1)</script>", "{tool}", "%s%n", " ", "NULL", "\x7f\x01"]
WRONG = [None, "x", "12", "0", "2500.5", "", [], {}, True, False, [1, "a", None], [[[]]], {"a": {"b": 1}}]
ODD_NUMBERS = [3.7, -1, 0, 1e15, 10 ** 30, 1e30, -0.0, 123456789012, 10 ** 400]
NUMBERS = ("prompt_tokens", "completion_tokens", "output_length", "latency_ms", "result_count", "total_steps")
NAMES = ("tool_name", "index_name", "model", "finish_reason")
MEMBERS = NUMBERS + NAMES + ("tools", "args_hash", "error_hash", "exit_reason", "success", "input_hash")


class Repeated(dict):
    """An object whose JSON text names members twice; the last one counts, as in PostgreSQL's jsonb."""

    def __init__(self, last, earlier):
        super().__init__(last)
        self.earlier = earlier

    def items(self):
        return list(self.earlier.items()) + list(super().items())


def run_id(rng, seed, number):
    plain = "run-%d-%d" % (seed, number)
    return plain + rng.choice(["/x", " ?q=1&r#f", "%2F%00", "\u00e9\u4e2d", "'\";--", "\\n", "+a b"]) if rng.random() < 0.04 else plain


def _hostile_text(rng, event):
    """The same text for the same name within one event only: pairs of call and response may fall apart."""
    payload = event["payload"]
    for name in NAMES:
        if name in payload and isinstance(payload[name], str) and rng.random() < 0.5:
            text = rng.choice(HOSTILE_TEXTS)
            payload[name] = "m" + text if name == "model" else text  # an empty model name is left open by the spec
    if event["event_type"] == "external.signal":
        payload["signal_name"] = "s" + rng.choice(HOSTILE_TEXTS)


def _wrong_type(rng, event):
    payload = event["payload"]
    present = [m for m in MEMBERS if m in payload]
    if not present:
        return
    member = rng.choice(present)
    payload[member] = rng.choice(ODD_NUMBERS if member in NUMBERS and rng.random() < 0.6 else WRONG)
    if member == "success":
        payload[member] = rng.choice([None, "", "false", 0, 1, 0.0, [0], {"a": 1}, "x"])
    if member == "exit_reason":
        payload[member] = rng.choice([None, 5, ["final_answer"], "final_answer", "other reason"])
    if member == "tools":
        payload[member] = rng.choice([None, "search", [None, 1, "a", "b"], [[]], {"search": 1}, [""]])
    if member == "model" and isinstance(payload[member], str):
        payload[member] = "other"


def _rehashed(rng, event):
    """What the manual client sends where a hash is due: Base64 of the text."""
    payload = event["payload"]
    if "args_hash" in payload:
        payload["args_hash"] = rng.choice(["eyJxdWVyeSI6ICJ4In0=", "WzEsMl0=", "aGVsbG8=", "bnVsbA==", "not base64!", "7"])
    if "error_hash" in payload:
        payload["error_hash"] = rng.choice(["dGltZWQgb3V0", "ZmFpbGVkOiDDqQ==", "not base64!", "deadbeef00", "/////w=="])


def _repeat_members(rng, event):
    payload = event["payload"]
    doubled = [m for m in payload if m in ("tool_name", "success", "prompt_tokens", "finish_reason", "output_length", "latency_ms")]
    if doubled:
        event["payload"] = Repeated(payload, {rng.choice(doubled): rng.choice(["old", 77777, True, None])})


def _as_text_numbers(rng, event):
    event["step_index"] = rng.choice([float(event["step_index"]), str(event["step_index"]), "%d.0" % event["step_index"]])
    event["timestamp"] = repr(event["timestamp"])


def _extra_members(rng, event):
    event["unknown"] = {"deep": [1, 2, {"x": None}]}
    # An integer beyond 64 bits is kept, but where the host writes it again, in the meta of a signal, it is null.
    large = 1e15 if event["event_type"] == "external.signal" else 10 ** 25
    event["payload"]["unknown_member"] = rng.choice([1, "x", [], {"a": [True]}, large, 1.5])
    event["parent_run_id"] = rng.choice([None, "parent-1"])


def without_times(events):
    """Times are optional: the server takes the time of arrival."""
    for event in events:
        del event["timestamp"]
        if not event["payload"]:
            del event["payload"]
    return events


def _timestamps(rng, events):
    style = rng.choice(["equal", "skew", "wobble", "milliseconds", "jumps"])
    for event in events:
        if style == "equal":
            event["timestamp"] = events[0]["timestamp"]
        elif style == "skew" and rng.random() < 0.4:
            event["timestamp"] = round(event["timestamp"] - rng.choice([0.05, 2, 100]), 6)
        elif style == "wobble":
            event["timestamp"] = round(event["timestamp"] - rng.choice([0, 0.0003, 0.0009, 0.001, 0.0015]), 6)
        elif style == "milliseconds":
            event["timestamp"] = math.floor(event["timestamp"] * 1000)
        elif style == "jumps" and rng.random() < 0.2:
            event["timestamp"] = round(event["timestamp"] + rng.choice([0.5, 31, 70]), 6)


def _lose(rng, events):
    kinds = rng.choice([("run.started",), ("run.completed", "run.errored"), ("tool.responded", "llm.responded"),
                        ("tool.called", "llm.called"), None])
    chance = 0.3 if kinds is None or "tool" in kinds[0] else 1.0
    kept = [e for e in events if not ((kinds is None or e["event_type"] in kinds) and rng.random() < chance)]
    return kept or events


PER_EVENT = ((_hostile_text, 0.10), (_wrong_type, 0.14), (_rehashed, 0.06), (_repeat_members, 0.05),
             (_as_text_numbers, 0.05), (_extra_members, 0.08))


def damage(rng, events):
    """The events in the order of their arrival. About half of all runs arrive as they were made."""
    events = copy.deepcopy(events)
    if rng.random() < 0.5:
        return events
    if rng.random() < 0.04:
        return without_times(events)
    if rng.random() < 0.25:
        _timestamps(rng, events)
    if rng.random() < 0.2:
        events = _lose(rng, events)
    for change, chance in PER_EVENT:
        if rng.random() < chance:
            share = rng.choice([0.15, 0.5, 1.0])
            for event in events:
                if rng.random() < share:
                    change(rng, event)
    if rng.random() < 0.2:
        events += [copy.deepcopy(e) for e in rng.sample(events, rng.randint(1, len(events)))]
    order = rng.random()
    if order < 0.25:
        rng.shuffle(events)
    elif order < 0.3:
        events.reverse()
    elif order < 0.4:  # some come late, after the end of the run
        late = [event for event in events if rng.random() < 0.3]
        events = [event for event in events if not any(event is other for other in late)] + late
    return events
