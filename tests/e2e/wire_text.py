"""JSON text as clients write it. Pure; used by everything here that posts."""
import json


def encode(value):
    """Compact JSON in plain UTF-8; escaped where a lone surrogate leaves no other way."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value, separators=(",", ":"))
    return text


def batch_body(events, api_key=""):
    return encode({"api_key": api_key, "agent_id": events[0]["agent_id"], "events": events})
