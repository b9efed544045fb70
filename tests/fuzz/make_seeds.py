#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets into tests/fuzz/corpus: one small input for each thing a target knows.

What fuzzing adds (scripts/fuzz keep) and inputs that once failed lie beside them under other names and are left alone.
"""
import gzip
import json
import pathlib
import struct
import zlib

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent


def seed(target, name, content):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(content.encode() if isinstance(content, str) else content)


def http():
    head = "Host: x\r\n"
    streams = {
        "two-gets": f"GET /a?x=1 HTTP/1.1\r\n{head}\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
        "counted": f"POST /v1/ingest HTTP/1.1\r\n{head}Content-Length: 5\r\n\r\nhelloHEAD /d HTTP/1.1\r\n{head}\r\n",
        "chunked": f"POST /e HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0a \r\n0123456789\r\n"
                   f"0\r\nT: v\r\n\r\nGET /f HTTP/1.1\r\n{head}\r\n",
        "expect": f"PUT /g HTTP/1.1\r\n{head}Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "both": f"POST /h HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "large": f"POST /i HTTP/1.1\r\n{head}Content-Length: 99999999999999999999\r\n\r\n",
        "folded": "OPTIONS * HTTP/1.1\r\nHost: x\r\n y\r\n\r\n",
        "version": "GET / HTTP/2.0\r\n\r\n",
        "upgrade": f"PATCH /j HTTP/1.1\r\n{head}Upgrade: websocket\r\nConnection: Upgrade, keep-alive\r\n\r\n",
    }
    for name, text in streams.items():
        seed("http_framing", name, text + "7")
    for name, text in {
        "plain": "/v1/runs/r-1", "escaped": "/v1/runs/a%20b%2Fc/signals?x=1&x=2&y", "proxy": "http://host:80?a=%C3%A9",
        "plus": "/?q=a+b%2B&&=&%00", "star": "*", "bad": "/%zz?%ff",
    }.items():
        seed("http_target", name, text)
    text = b'{"events":[{"event_type":"run.started"}]}' * 3
    bare = zlib.compressobj(9, zlib.DEFLATED, -15)
    seed("http_coding", "gzip", b"\x00" + gzip.compress(text, mtime=0))
    seed("http_coding", "two-members", b"\x00" + gzip.compress(b"a", mtime=0) + gzip.compress(text, mtime=0))
    seed("http_coding", "zlib", b"\x01" + zlib.compress(text))
    seed("http_coding", "bare", b"\x01" + bare.compress(text) + bare.flush())
    seed("http_coding", "bomb", b"\x00" + gzip.compress(b"\0" * 200_000, mtime=0))
    seed("http_coding", "packed-here", b"\x02\x03\x20\x00" + text)
    seed("http_coding", "accept", b"\x03gzip;q=0.5, deflate, *;q=0")
    seed("http_coding", "type", b"\x03application/json; charset=utf-8")


def event(kind="tool.called", **more):
    made = {"event_type": kind, "run_id": "r-1", "agent_id": "a-1", "agent_version": "v1", "step_index": 3,
            "timestamp": 1767225600.5, "payload": {"tool_name": "search"}}
    made.update(more)
    return made


KINDS = ["run.started", "run.completed", "run.errored", "llm.called", "llm.responded", "tool.called", "tool.responded",
         "retrieval.called", "retrieval.responded", "external.signal", "policy.triggered"]


def ingest():
    def body(*events, **more):
        return json.dumps({"agent_id": "a-1", **more, "events": list(events)})
    seed("ingest_body", "every-kind", body(*[event(kind, payload={}) for kind in KINDS]))
    seed("ingest_body", "guarded", body(event(payload={"args_hash": "eyJhIjoxfQ==", "error_hash": "c29tZSBlcnJvcg"})))
    seed("ingest_body", "escapes", body(event(payload={"n": 1e5})).replace("1e5", '1e401,"s":"\\u0000\\ud800"'))
    seed("ingest_body", "tokens", body(event("llm.called", payload={"prompt_tokens": 1200, "model": "m"}),
                                       event("run.started", payload={"model": "m", "tools": ["a"]}), api_key="k"))
    seed("ingest_body", "texts", body(event(step_index="4", timestamp="1767225600", parent_run_id="p")))
    seed("ingest_body", "wrong", body(event("tool.danced", step_index=-1, run_id=7, agent_id=""), 5, {}))
    seed("ingest_body", "twice", '{"agent_id":"a","events":[],"events":[{"payload":{},"payload":{"a":1}}],"agent_id":"b"}')
    seed("ingest_body", "no-json", '{"agent_id":"a","events":[')
    for name, text in {"payload": '\x01{"args_hash":"eyJhIjoxfQ==","x":{"args_hash":"eyJhIjoxfQ=="},"error_h\\u0061sh":"aGk"}',
                       "hash": '\x01{"args_hash":"3b7b5a17b6341261","args_hash":null}',
                       "secret": '\x00\x01\x01\x01a":1,"b":[true]}', "latin": '\x00\x00\x00\x00password":"\x1b[0m"}'}.items():
        seed("ingest_privacy", name, text)
    document = '{"a":{"b":[1,2.5,-0,1e400,true,null,"\\u0000\\ud83d\\ude00"],"~/":{}},"a b":12345678901234567890}'
    for name, pointer in {"list": "/a/b/3", "escaped": "/a/~0~1", "whole": "", "number": "/a b"}.items():
        seed("json_reader", name, f"{pointer}\n---\n{document}")
    seed("json_reader", "repeated", '/a\n---\n{"a":1,"\\u0061":{"x":2}}')
    seed("json_reader", "deep", "/0\n---\n" + "[" * 70 + "]" * 70)


def record():
    def text(value):
        return struct.pack("<I", len(value)) + value.encode()
    first = struct.pack("<B", 16 + 32 + 64) + text("llm.called") + struct.pack("<id", 3, 1767225600.5)
    first += text("run") + text("agent") + text("v1") + text("parent") + text("model") + struct.pack("<qq", 10, 20) + text("{}")
    second = struct.pack("<B", 1 + 2 + 4 + 8) + text("tool.called") + struct.pack("<id", 4, 1.5) + text('{"a":1}')
    seed("spool_record", "two-events", text("batch") + text("customer") + struct.pack("<I", 2) + first + second)
    seed("spool_record", "none", text("batch") + text("customer") + struct.pack("<I", 0))

    def damage(with_log, *hits):
        return bytes([with_log]) + b"".join(struct.pack("<BIB", *hit) for hit in hits)
    page = 8192
    seed("spool_recovery", "sound", damage(0))
    seed("spool_recovery", "with-log", damage(1))
    seed("spool_recovery", "one-byte", damage(0, (0, 5 * page - 900, 1)))
    seed("spool_recovery", "no-database", damage(0, (1, 0, 100)))
    seed("spool_recovery", "schema", damage(0, (1, 8000, 200)))
    for number in range(8):
        seed("spool_recovery", f"page-{number}", damage(0, (1, number * page, 60)))
        seed("spool_recovery", f"cut-{number}", damage(number % 2, (2, number * page, 1)))
        seed("spool_recovery", f"log-{number}", damage(1, (3, number * page + 40, 200 - number * 28)))
    seed("spool_recovery", "several", damage(0, (1, 2 * page, 200), (0, 3 * page + 20, 7), (1, 4 * page + 100, 255)))


def config():
    seed("detectors_file", "shipped", (ROOT / "detectors.yml").read_text())
    seed("detectors_file", "every-kind", """# comment
default:
  tool_loop: {threshold: 3, window: 5, severity: HIGH}
  context_bloat:
    growth_factor: 2.5
    min_calls: 4
  acme_checks: {mode: exact, names: [a, 'b', "c"], strict: true}
web-*x: {}
web:
  tool_loop: {enabled: false, shadow: true, timeout_ms: 20}
categories:
  web: [one, 'two-*']
plugins:
  directories: [/opt/x]
  detectors: {acme_checks: {live: true}}
""")
    for name, text in {"anchor": "a: &x {b: 1}\nc: *x\n", "documents": "a: 1\n---\nb: 2\n", "twice": "default: {}\ndefault: {}\n",
                       "block": "default: |\n  text\n", "tag": "default: !!map {}\n", "empty": ""}.items():
        seed("detectors_file", name, text)
    seed("env_file", "every-form", "# c\nexport A='x' # y\nDATABASE_URL=\"postgresql://u:p#w@h/d\\n\"\nC=plain text # c\n\nD=\r\n")
    seed("env_file", "wrong", "A=1\n no name\n")
    digest = "0123456789abcdef" * 4
    seed("plugins_lock", "two", f"""version: 1
plugins:
  "a.so":
    sha256: "{digest}"
    id: "com.example.a"
    version: "1.0"
    mode: isolated
    components:
      "loops": "detector"
      "post": "alert"
  b++-1.so: {{sha256: '{digest}', id: "b \\" é", version: 2, mode: in_process, components: {{}}}}
""")
    seed("plugins_lock", "none", "version: 1\nplugins: {}\n")
    seed("plugins_lock", "wrong", "version: 2\nplugins: []\n")


def text(value):
    return struct.pack("<I", len(value)) + value.encode()


def plugins():
    # 255 chooses what is usual nearly everywhere in plugin_descriptor.
    seed("plugin_descriptor", "nothing", "")
    usual = bytes([2]) * 80
    seed("plugin_descriptor", "usual", usual)
    for kind in range(5):
        seed("plugin_descriptor", f"kind-{kind}", bytes([3, 3, 0, 3, 3, 3, 3, 1]) + bytes([3, 3, 3, 3, kind]) * 30)
    param = text("limit") + struct.pack("<I", 1) + struct.pack("<IIq", 1, 1, 3) + struct.pack("<IIq", 1, 1, 1)
    param += struct.pack("<I", 0) + struct.pack("<I", 0) + text("calls") + text("doc") + struct.pack("<III", 0, 0, 0)
    template = text("ODD_RUN") + text("t") + text("w") + text("y") + text("e") + struct.pack("<I", 1) + text("d") + text("text") + text("c")
    action = text("act") + text("t") + text("") + text("{}") + struct.pack("<I", 1)

    def component(interface, name, kind, batch, params, templates, actions):
        out = text(interface) + text(name) + text("Title") + text("doc") + text(kind) + struct.pack("<III", 1, 1, batch)
        for table in (params, templates, actions):
            out += struct.pack("<I", len(table)) + b"".join(table)
        return out
    library = struct.pack("<I", 0) + text("com.example.x") + text("v") + text("1.0") + text("MIT") + struct.pack("<I", 3)
    library += component("dune.detector/1", "odd_run", "ODD_RUN", 0, [param], [template], [])
    library += component("dune.alert/1", "post", "", 10, [], [], [])
    library += component("dune.integration/1", "tracker", "", 0, [], [], [action])
    seed("runner_answers", "library", b"\x00" + library)
    seed("runner_answers", "delivery", b"\x01" + struct.pack("<Iq", 1, 5000) + text("later"))
    values = struct.pack("<I", 5) + struct.pack("<II", 0, 1) + struct.pack("<Iq", 1, 7) + struct.pack("<Id", 2, 0.5)
    values += struct.pack("<I", 3) + text("x") + struct.pack("<II", 4, 1) + text("y")
    seed("runner_answers", "values", b"\x02" + values)
    alert = b"".join(text(part) for part in ("s", "ODD_RUN", "r", "a", "v")) + struct.pack("<IIdd", 3, 4, 0.5, 1.5)
    alert += b"".join(text(part) for part in ("t", "w", "y", "e", "{}")) + struct.pack("<I", 1) + text("d") + text("text") + text("c")
    seed("runner_answers", "batch", b"\x03" + struct.pack("<I", 1) + text("key") + struct.pack("<qI", 30000, 1) + alert)
    seed("runner_answers", "action", b"\x03" + text("act") + text("{}") + text("key") + struct.pack("<qI", 30000, 1))
    seed("runner_answers", "claim", b"\x04" + struct.pack("<iBBdi", 9, 1, 3, 0.5, 4) + b'{"a":[1,"\\u0000"]}')

    def frame(kind, content):
        return struct.pack("<II", kind, len(content)) + content
    log, http_ask, counter, observe, reply, done = 12, 13, 14, 15, 10, 11
    seed("runner_frames", "each", frame(log, text("mine") + text("r") + struct.pack("<I", 2) + text("line")) +
         frame(http_ask, text("mine") + text("POST") + text("https://h/x") + text("body") + struct.pack("<qI", 100, 1) + text("n") + text("v")) +
         frame(counter, text("mine") + text("n") + struct.pack("<d", 1)) + frame(observe, text("mine") + text("n") + struct.pack("<d", 2)) +
         frame(reply, b"x") + frame(done, b""))
    seed("runner_frames", "of-another", frame(counter, text("other") + text("n") + struct.pack("<d", 1)))
    seed("runner_frames", "too-large", struct.pack("<II", log, 1 << 20))
    seed("runner_frames", "half", frame(reply, b"x" * 50)[:-20])


def explain():
    evidence = json.dumps({"tool": "sea`rch\n<b>", "count": 5, "ratio": 0.7667, "list": ["a", "b", "a", None, 3], "ms": 20000,
                           "steps": [{"tokens": 12800}, {"tokens": 3.22}], "flag": True, "deep": {"a": {"b": [[1]]}}, "none": None})
    for name, source in {
        "section": '{tool|quote|or:"One tool"} called {count|plural:"time"}{?count>=0} from {count} on{/}',
        "else": "{?flag}yes{:?ratio<0.5}low{:}no{/} {{}} {?!none}none{/}",
        "lists": '{list|unique|join:", "} {list|first:2} {list|sample:2} {list|count} {steps|pluck:tokens|number|join:" → "} {deep|keys}',
        "numbers": "{ratio|pct}% {ratio|round:1} {ms|seconds} {count|number} {confidence|pct} {step_index}",
        "code": 'max_{tool|literal} = {count|plural:"is","are"} {tool|short} {deep.a.b.0} {list.4} {run_id}',
        "wrong": "{tool|nothing:1} {?a",
    }.items():
        seed("explain_template", name, f"{source}\n---\n{evidence}")


def runs():
    seed("detect_replay", "answered", """b 0 0 {"tools":["a","b"],"input_hash":"x"}
e 1 1 {"model":"m","prompt_tokens":100}
f 2 2.5 {"finish_reason":"stop","output_length":20,"latency_ms":9000}
g 3 3 {"tool_name":"a","args_hash":"1"}
h 3 4 {"tool_name":"a","success":false,"error_hash":"e","latency_ms":1e3}
i 4 5 {"index_name":"docs"}
j 4 6 {"index_name":"docs","result_count":0,"top_score":0.25}
k 4 6 {"signal_name":"rate_limit","source":"s","meta":{"b":1},"flat":"x"}
l 4 7 {}
c 5 8 {"exit_reason":"final_answer"}""")
    seed("detect_replay", "same-time", "g 1 1 {\"tool_name\":\"a\"}\ng 1 1 {\"tool_name\":\"a\"}\ng 1 1 {\"tool_name\":\"b\"}\nh 1 1 {\"success\":1}\nd 1 1\nc 1 1")
    seed("detect_replay", "backwards", "c 9 1e300 {\"exit_reason\":{}}\nh 2 -1e300 {\"tool_name\":\"\",\"success\":[]}\nm 1 0\ng 2147483647 5 x")
    cases = (ROOT / "plugins/detectors/tool_loop/cases.yml").read_text()
    seed("cases_file", "tool-loop", cases[:3500].rsplit("\n\n", 1)[0] + "\n")
    seed("cases_file", "every-entry", """detector: odd_run
cases:
  - name: all of it
    params: {threshold: 3}
    baselines: {steps: 5.5}
    numbering: manual
    run:
      - {start: {tools: [a]}, after_ms: 10}
      - {tool: a, args: x, ok: false, error: e, latency_ms: 5, during_ms: 250, times: 2}
      - {llm: m, prompt: 5, completion: 6, finish: stop, out: 0, unanswered: true, step: 7}
      - {retrieval: docs, results: 0, score: 0.5}
      - {signal: rate_limit, source: s, meta: {a: 1}}
      - {event: llm.called, payload: {x: [1, "2", true, null]}}
      - {errored: {}}
    expect:
      - {type: ODD_RUN, severity: HIGH, confidence: 0.5, step: 3, co_signals: 0, evidence: {a: 1.50, b: "1"}, without: [c], text: {title: [a]}}
  - {name: refused, params: {threshold: 0}, refused: threshold, run: []}
""")
    seed("cases_file", "wrong", "detector: x\ncases:\n  - {name: n, run: [{tool: a, out: many, nothing: 1}]}\n")
    many = ", ".join(["{tool: a, times: 100000}"] * 10)
    seed("cases_file", "too-many", f"detector: x\ncases:\n  - {{name: n, run: [{many}]}}\n")
    seed("cases_file", "last-step", "detector: x\ncases:\n  - {name: n, run: [{tool: a, step: 2147483647}, {tool: b}]}\n")
    seed("cases_file", "no-file", "detector: x\ncases:\n  - {name: n, run: {file: /dev/zero}}\n")
    recorded = (ROOT / "tests/golden/backtest/runs.ndjson").read_bytes()
    lines = "".join(json.dumps(event(kind, run_id=f"r-{number // 4}")) + "\n" for number, kind in enumerate(KINDS))
    first = json.dumps({"events": [event("run.started"), event(payload={"b": 1, "a": 2}), event(payload={"a": 2, "b": 1})]})
    seed("backtest_file", "runs", first + "\r\n\n" + json.dumps({"events": [event(run_id="x"), event(run_id="y")]}) + "\nno json\n")
    seed("backtest_file", "events", "\ufeff" + lines)
    seed("backtest_file", "packed", gzip.compress(recorded[:recorded.index(b"\n") + 1], mtime=0))
    seed("backtest_file", "cut", gzip.compress(lines.encode(), mtime=0)[:-9])
    seed("backtest_file", "list", json.dumps([event(), event(timestamp=1.5)]))
    seed("sql_rows", "special", b"\x02\x00\x06a\tb\\n\n\x00\x05\\N\r\"{\x07\x00\x00\x00\x04NULL\x00\x02\0,")


if __name__ == "__main__":
    http()
    ingest()
    record()
    config()
    plugins()
    explain()
    runs()
