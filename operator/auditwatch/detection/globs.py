"""Glob patterns of rules: ``*`` any characters, ``?`` one, everything else (brackets included) is literal.

``fnmatch`` gives brackets a meaning and backtracks; patterns here meet text an intruder chose, so they run on RE2,
whose time is linear in the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import re2


class PatternError(ValueError):
    """A pattern that RE2 refuses; the message is RE2's."""


def is_literal(pattern: str) -> bool:
    """Whether the pattern can only match itself."""
    return "*" not in pattern and "?" not in pattern


def glob_matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """A predicate: the whole text matches one of ``patterns``. No pattern matches nothing."""
    if "*" in patterns:
        return lambda _text: True
    literals = frozenset(pattern for pattern in patterns if is_literal(pattern))
    globs = [pattern for pattern in patterns if not is_literal(pattern)]
    if not globs:
        return lambda text: text in literals
    ends = [pattern.partition("*") for pattern in globs if _is_of_ends(pattern)]
    starts = tuple(start for start, _, end in ends if not end)
    endings = tuple(end for start, _, end in ends if not start)
    others = [pattern for pattern in globs if not _is_of_ends(pattern)]
    if not others:  # nearly always, and twenty times as fast
        return lambda text: text in literals or text.startswith(starts) or text.endswith(endings)
    found = _matcher("|".join(f"(?:{_expression(pattern)})" for pattern in others), whole=True)
    return lambda text: text in literals or text.startswith(starts) or text.endswith(endings) or found(text)


def _is_of_ends(pattern: str) -> bool:
    """Whether it says how a text begins, or how it ends, and nothing else."""
    return pattern.count("*") == 1 and "?" not in pattern and (pattern[0] == "*" or pattern[-1] == "*")


def regex_matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """A predicate: one of the RE2 ``patterns`` occurs in the text. Raises :class:`PatternError`."""
    matchers = [_matcher(pattern, whole=False) for pattern in patterns]
    return lambda text: any(matches(text) for matches in matchers)


def _expression(pattern: str) -> str:
    special = {"*": r"(?s:.*)", "?": r"(?s:.)"}
    return "".join(special.get(character) or str(re2.escape(_readable(character))) for character in pattern)


def _matcher(expression: str, *, whole: bool) -> Callable[[str], bool]:
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(expression, options=options)
    except (re2.error, UnicodeEncodeError) as error:
        raise PatternError(_reason(error)) from None
    matches = compiled.fullmatch if whole else compiled.search
    return lambda text: matches(_readable(text)) is not None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def _readable(text: str) -> str:
    """Text RE2 takes: half a surrogate pair (legal in JSON, not in UTF-8) reads as ``?``."""
    if text.isascii():
        return text
    return text.encode(errors="replace").decode()
