"""What a file that holds no audit event looks like, and the command that makes an audit log of it.

Audit logs reach people compressed, printed for reading, or inside the envelope of whoever carried them. Telling that
apart takes the first bytes of a file; it is a hint for people, and decides nothing.
"""

from __future__ import annotations

import re
import shlex
from typing import Final, NamedTuple

HEAD_BYTES: Final = 64 << 10
"""Of the beginning of a file, what it is recognised by."""
FILE: Final = "FILE"
"""Stands in a command for the file; where there is none to name, the command reads its standard input."""


class Look(NamedTuple):
    """What something looks like, and how it is made readable. ``command`` is empty where nothing can."""

    what: str
    command: str = ""
    piped: str = ""
    """The command that reads standard input, where leaving the file away is not enough."""


_BY_MAGIC: Final = (
    (b"\xfd7zXZ\x00", Look("compressed with xz", "xz -dc FILE")),
    (b"\x28\xb5\x2f\xfd", Look("compressed with zstd", "zstd -dc FILE")),
    (b"BZh", Look("compressed with bzip2", "bzip2 -dc FILE")),
    (b"\x04\x22\x4d\x18", Look("compressed with lz4", "lz4 -dc FILE")),
    (b"PK\x03\x04", Look("a zip archive", "unzip -p FILE", "funzip")),
    (b"7z\xbc\xaf\x27\x1c", Look("a 7z archive", "7z x -so FILE", "7z x -si -so")),
    (b"\x1f\x8b", Look("compressed with gzip more than once", "gzip -dc FILE")),
    (b"\x1f\x9d", Look("compressed with compress", "gzip -dc FILE")),
    (b"\xff\xfe", Look("text in UTF-16", "iconv -f UTF-16 -t UTF-8 FILE")),
    (b"\xfe\xff", Look("text in UTF-16", "iconv -f UTF-16 -t UTF-8 FILE")),
)
_INCOMPLETE: Final = Look("audit events without auditID or stage")
_LITTLE_ENDIAN: Final = Look("text in UTF-16 (little endian)", "iconv -f UTF-16LE -t UTF-8 FILE")
_BIG_ENDIAN: Final = Look("text in UTF-16 (big endian)", "iconv -f UTF-16BE -t UTF-8 FILE")
_BINARY: Final = Look("no text")
_JSON: Final = Look("JSON of another kind than audit events")
_TEXT: Final = Look("plain text, not JSON")

_AUDIT: Final = re.compile(
    rb'[ \t\x00]*\{[ \t]*"kind"[ \t]*:[ \t]*"Event"[ \t]*,[ \t]*"apiVersion"[ \t]*:[ \t]*"audit\.'
)
"""How a line of an audit log begins, whole or not."""
_EVENT: Final = r'"(?:\\n|\s)*\{(?:\\n|\s)*\\"'
"""The beginning of a text that is JSON itself; quotes inside a text are escaped, so nothing in one looks like this."""


def _json(pattern: str, what: str, command: str = "") -> tuple[re.Pattern[bytes], Look]:
    return re.compile(pattern.replace("EVENT", _EVENT).encode(), re.DOTALL), Look(what, command)


_BY_WORDS: Final = (
    _json(r'"protoPayload"\s*:', "Cloud Audit Logs of Google, a translation of audit events that cannot be read"),
    _json(
        r'\A\s*\{\s*"records"\s*:.*?"properties"\s*:\s*\{[^{}]*"log"\s*:\s*"',
        "records of Azure's diagnostic settings",
        "jq -r '.records[].properties.log' FILE",
    ),
    _json(r'"properties"\s*:\s*\{[^{}]*?"log"\s*:\s*"', "Azure diagnostic settings", "jq -r .properties.log FILE"),
    _json(r'"log_s"\s*:\s*EVENT', "an export of Azure's Log Analytics", "jq -r .log_s FILE"),
    _json(r'"logEvents"\s*:\s*\[', "a subscription of CloudWatch Logs", "jq -r '.logEvents[].message' FILE"),
    _json(r'\A\s*\{\s*"events"\s*:\s*\[', "an answer of CloudWatch Logs", "jq -r '.events[].message' FILE"),
    _json(
        r'\A(?=.*"_source"\s*:\s*\{).*"message"\s*:\s*EVENT',
        "hits of Elasticsearch with messages",
        "jq -r ._source.message FILE",
    ),
    _json(r'"hits"\s*:\s*\[', "an answer of Elasticsearch", "jq -c '.hits.hits[]._source' FILE"),
    _json(r'"_source"\s*:\s*\{', "hits of Elasticsearch", "jq -c ._source FILE"),
    _json(r'"resultType"\s*:\s*"streams"', "an answer of Loki", "jq -r '.data.result[].values[][1]' FILE"),
    _json(r'\A\s*\{\s*"streams"\s*:\s*\[', "streams of Loki", "jq -r '.streams[].values[][1]' FILE"),
    _json(r'"line"\s*:\s*EVENT', "lines of Loki", "jq -r .line FILE"),
    _json(r'"_raw"\s*:\s*EVENT', "an export of Splunk", "jq -r .result._raw FILE"),
    _json(r'"MESSAGE"\s*:\s*EVENT', "records of journald", "jq -r .MESSAGE FILE"),
    _json(r'\A\s*\{\s*"log"\s*:\s*"|"log"\s*:\s*EVENT', "a container's log as docker writes it", "jq -r .log FILE"),
    _json(
        r'\A\s*\[.*?"message"\s*:\s*EVENT', "a list of messages with audit events in them", "jq -r '.[].message' FILE"
    ),
    _json(r'"message"\s*:\s*EVENT', "messages with audit events in them", "jq -r .message FILE"),
    _json(r"\A\s*EVENT", "JSON inside of texts", "jq -r . FILE"),
    _json(r'\{""', "CSV, which is to be exported as JSON instead"),
    _json(r"\A\s*\[(?:[^\n]*[\[{,])?[ \t\r]*\n", "a pretty-printed list in JSON", "jq -c '.[]' FILE"),
    _json(r"\A\s*\{(?:[^\n]*[\[{,])?[ \t\r]*\n", "pretty-printed JSON", "jq -c . FILE"),
)
"""Tried in this order: what holds a text of its own kind comes before what is more general."""

LOOKS: Final[dict[str, Look]] = {
    look.what: look
    for look in (
        *(look for _, look in _BY_MAGIC),
        *(look for _, look in _BY_WORDS),
        *(_INCOMPLETE, _LITTLE_ENDIAN, _BIG_ENDIAN, _BINARY, _JSON, _TEXT),
    )
}
"""Everything that is recognised, by what it is called."""


def recognised(head: bytes) -> str:
    """What the beginning of something that holds no audit event looks like, a name in :data:`LOOKS`.

    Empty for one torn line of an audit log: the API server is still writing it.
    """
    if _AUDIT.match(head):
        return _INCOMPLETE.what if b"\n" in head else ""
    return (_by_magic(head) or _by_words(head.removeprefix(b"\xef\xbb\xbf"))).what


def conversion(what: str, file: str, *, is_gzip: bool = False) -> str:
    """The command that scans it all the same; empty where there is none. ``file``: empty for standard input."""
    look = LOOKS[what]
    if not look.command:
        return ""
    if file and not is_gzip:
        return f"{look.command.replace(FILE, shlex.quote(file))} | auditwatch scan -"
    piped = look.piped or look.command.removesuffix(f" {FILE}")
    return f"{f'gzip -dc {shlex.quote(file)}' if file else '…'} | {piped} | auditwatch scan -"


def is_convertible(what: str) -> bool:
    """Whether an audit log can be made of it, so that it most likely is one."""
    return bool(LOOKS[what].command)


def _by_magic(head: bytes) -> Look | None:
    for magic, look in _BY_MAGIC:
        if head.startswith(magic):
            return look
    first, second = head[0:64:2], head[1:64:2]
    if 2 * second.count(0) > len(second) > 4 * first.count(0):
        return _LITTLE_ENDIAN
    if 2 * first.count(0) > len(second) > 4 * second.count(0):
        return _BIG_ENDIAN
    return _BINARY if b"\0" in head else None


def _by_words(head: bytes) -> Look:
    for pattern, look in _BY_WORDS:
        if pattern.search(head):
            return look
    return _JSON if head.lstrip().startswith((b"{", b"[")) else _TEXT
