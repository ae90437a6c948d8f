"""What a file without audit events looks like, and that the command it is told makes a log of it."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditwatch.scan.recognising import LOOKS, conversion, is_convertible, recognised
from tests.unit.docs.blocks import ROOT

from .making import event, line

EVENTS = [event(1), event(2)]
TEXTS = [line(each).decode() for each in EVENTS]
LINES = "\n".join(TEXTS).encode() + b"\n"
ISO = "2026-01-01T00:00:01.000000000Z"


def _of_lines(wrapped: Callable[[str], Any]) -> bytes:
    return b"".join(json.dumps(wrapped(text), separators=(",", ":")).encode() + b"\n" for text in TEXTS)


def _one(document: Any, indent: int | None = None) -> bytes:
    return json.dumps(document, indent=indent).encode() + b"\n"


SOURCES = [{"_index": "audit", "_id": str(number), "_source": each} for number, each in enumerate(EVENTS)]


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("audit.log", LINES)
    return packed.getvalue()


CONVERTIBLE: dict[str, bytes] = {
    "a zip archive": _zip(),
    "compressed with xz": lzma.compress(LINES),
    "compressed with bzip2": bz2.compress(LINES),
    "compressed with gzip more than once": gzip.compress(LINES),
    "text in UTF-16": LINES.decode().encode("utf-16"),
    "text in UTF-16 (little endian)": LINES.decode().encode("utf-16-le"),
    "text in UTF-16 (big endian)": LINES.decode().encode("utf-16-be"),
    "Azure diagnostic settings": _of_lines(
        lambda text: {"category": "kube-audit", "time": ISO, "properties": {"stream": "stdout", "log": text}}
    ),
    "records of Azure's diagnostic settings": _one(
        {"records": [{"category": "kube-audit", "properties": {"log": text, "pod": "p"}} for text in TEXTS]}
    ),
    "an export of Azure's Log Analytics": _of_lines(lambda text: {"Category": "kube-audit", "log_s": text}),
    "a subscription of CloudWatch Logs": _one(
        {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "timestamp": 1, "message": text} for text in TEXTS]}
    ),
    "an answer of CloudWatch Logs": _one({"events": [{"timestamp": 1, "message": text} for text in TEXTS]}, 4),
    "hits of Elasticsearch": _of_lines(lambda text: {"_index": "audit", "_source": json.loads(text)}),
    "hits of Elasticsearch with messages": _of_lines(
        lambda text: {"_index": "a", "_source": {"host": {"name": "cp-1"}, "message": text}}
    ),
    "an answer of Elasticsearch": _one({"took": 1, "hits": {"total": {"value": 2}, "hits": SOURCES}}),
    "an answer of Loki": _one(
        {
            "status": "success",
            "data": {
                "resultType": "streams",
                "result": [{"stream": {"job": "audit"}, "values": [["1", text] for text in TEXTS]}],
            },
        }
    ),
    "streams of Loki": _one({"streams": [{"stream": {"job": "audit"}, "values": [["1", text] for text in TEXTS]}]}),
    "lines of Loki": _of_lines(lambda text: {"labels": {"job": "audit"}, "line": text, "timestamp": ISO}),
    "an export of Splunk": _of_lines(lambda text: {"preview": False, "result": {"_raw": text, "_time": ISO}}),
    "records of journald": _of_lines(lambda text: {"__CURSOR": "s=1", "MESSAGE": text}),
    "a container's log as docker writes it": _of_lines(
        lambda text: {"log": text + "\n", "stream": "stdout", "time": ISO}
    ),
    "messages with audit events in them": _of_lines(lambda text: {"@timestamp": ISO, "message": text}),
    "a list of messages with audit events in them": _one([{"@timestamp": ISO, "message": text} for text in TEXTS], 2),
    "JSON inside of texts": _of_lines(lambda text: text),
    "pretty-printed JSON": b"".join(_one(each, 2) for each in EVENTS),
    "a pretty-printed list in JSON": _one(EVENTS, 4),
}
BY_TOOL = {
    "compressed with zstd": ("zstd", ["zstd", "-q", "-c"]),
    "compressed with lz4": ("lz4", ["lz4", "-q", "-c"]),
}
HOPELESS = {
    "plain text, not JSON": b"I0101 00:00:00.000000       1 server.go:1] hello\n",
    "JSON of another kind than audit events": b'{"level":"info","ts":1.5,"msg":"hello"}\n',
    "Cloud Audit Logs of Google, a translation of audit events that cannot be read": _of_lines(
        lambda _text: {"protoPayload": {"@type": "type.googleapis.com/google.cloud.audit.AuditLog"}, "insertId": "1"}
    ),
    "CSV, which is to be exported as JSON instead": b'timestamp,message\n1,"{""kind"":""Event""}"\n',
    "audit events without auditID or stage": b'{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"None"}\n' * 2,
    "no text": b"\x7fELF\x02\x01\x01\x00\x00\x00\x00" + bytes(range(1, 60)),
}


@pytest.mark.parametrize("what", CONVERTIBLE | HOPELESS)
def test_it_is_called_what_it_is(what: str) -> None:
    assert recognised((CONVERTIBLE | HOPELESS)[what]) == what


def test_everything_that_is_recognised_is_tested_here() -> None:
    others = {"a 7z archive", "compressed with compress"}
    assert LOOKS.keys() == CONVERTIBLE.keys() | BY_TOOL.keys() | HOPELESS.keys() | others
    assert {what for what in LOOKS if not is_convertible(what)} == HOPELESS.keys()


@pytest.mark.parametrize("what", CONVERTIBLE)
@pytest.mark.parametrize("manner", ["file", "gzip", "stream"])
def test_the_command_makes_the_log_of_it(tmp_path: Path, what: str, manner: str) -> None:
    _assert_converts(tmp_path, what, CONVERTIBLE[what], manner)


@pytest.mark.parametrize("what", BY_TOOL)
@pytest.mark.parametrize("manner", ["file", "gzip", "stream"])
def test_the_command_unpacks_it(tmp_path: Path, what: str, manner: str) -> None:
    tool, command = BY_TOOL[what]
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}")
    packed = subprocess.run(command, input=LINES, capture_output=True, check=True).stdout
    assert recognised(packed) == what
    _assert_converts(tmp_path, what, packed, manner)


def _assert_converts(tmp_path: Path, what: str, data: bytes, manner: str) -> None:
    path = tmp_path / "an audit.log"
    path.write_bytes(gzip.compress(data) if manner == "gzip" else data)
    command = conversion(what, "" if manner == "stream" else str(path), is_gzip=manner == "gzip")
    if shutil.which(LOOKS[what].command.split()[0]) is None or shutil.which("funzip") is None:
        pytest.skip(f"needs {LOOKS[what].command}")
    head, _, tail = command.rpartition(" | ")
    assert tail == "auditwatch scan -"
    with path.open("rb") as stream:
        given = stream if manner == "stream" else subprocess.DEVNULL
        shell = ["sh", "-c", head.removeprefix("… | ")]
        made = subprocess.run(shell, stdin=given, capture_output=True, check=True).stdout
    read = [each for each in made.split(b"\n") if each]
    assert [json.loads(each) for each in read] in (EVENTS, [EVENTS])


def test_one_torn_line_of_an_audit_log_is_nothing_else() -> None:
    assert recognised(line(event(1))[:90]) == ""
    assert recognised(b"\0" * 10 + line(event(1))[:90]) == ""


def test_text_inside_of_a_text_is_taken_for_nothing() -> None:
    message = json.dumps({"msg": json.dumps({"properties": {"log": "x"}, "logEvents": []})}).encode()
    assert recognised(message) == "JSON of another kind than audit events"


@pytest.mark.parametrize(
    "head", [b"", b"\xef\xbb\xbf", b"{", b"[", b'"', b"\0\0\0\0", b"{" * 70_000, b'"_source":{' * 9000]
)
def test_whatever_it_is_it_has_a_name(head: bytes) -> None:
    assert recognised(head) in LOOKS


def test_the_page_tells_every_command() -> None:
    page = (ROOT / "docs" / "how-to" / "scan-audit-logs.md").read_text(encoding="utf-8")
    commands = {look.command for look in LOOKS.values() if look.command}
    assert {command for command in commands if f"| `{command}` |" not in page} == set()
