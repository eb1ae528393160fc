"""Ranks of output lines: how much each tells of a failure.

Used by `cause_line`. A pattern may need the square of a line, which is short: `WIDEST`.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

WIDEST = 240
"""Characters of a line that are looked at: messages begin where their line does."""

_CRASH = re.compile(
    # What an exception that ends a program is announced by.
    r"(?:Exception in thread \"[^\"]*\" |Caused by: |Unhandled exception[.:] | ?---> |Uncaught "
    r"|PHP Fatal error:  Uncaught )+(?P<text>\S.*)"
    # The type and text of one.
    r"|(?P<named>\[?(?:[A-Za-z_$][\w$]*(?:\.|::))*(?:[A-Z_$][\w$]*)?(?:Error|Exception|Interrupt|Timeout)"
    r"(?: \[\w+\])?(?:: .*)?)(?: \{)?$"
    r"|(?P<whole>panic: .*|fatal error: .*|Fatal Python error: .*|\*\* \([\w.]+\) .*"
    r"|.*\((?:\w+::)*\w*(?:Error|Exception|Errno::\w+)\)$"
    r"|.*\bAssertion .*failed.*|.*\bSegmentation fault\b.*|==\d+==\s*ERROR: AddressSanitizer.*)"
)
_REMARK = re.compile(
    r"(?:hint|note|notice|help|tip|info|usage|see|try|run|debug|trace|verbose|warn|warning"
    r"|suppressed)\b\s*[:>\]]"
    r"|(?:see|try|run) ['`\"]|\[(?:notice|info|debug|trace|warn|warning|verbose)\]"
    r"|.*\b(?:for more (?:information|details?)|complete log of this run|see (?:the )?(?:log|above)|re-?run )"
    r"|.*(?:\bdeprecat|--help\b|\[Help \d\] http|--stacktrace|the full stack trace)|\[Help \d"
    r"|(?:During handling of the above exception|The above exception was the direct cause)"
    r"|Node\.js v\d|\.\.\. \d+ more|LINE \d+:|\[Previous line repeated"
    r"|(?:real|user|sys)\s+\d+m|\* (?:Try|Get more help|Exception is):|> Run with"
    r"|make(?:\[\d+\])?: (?:Entering|Leaving)"
    r"|Goodbye|Bye|Done\b|Cleaning up|Shutting down|Stopping|Exiting$|Finished in |Press any key"
    r"|(?:.* )?thrown in ",
    re.IGNORECASE,
)
_INFORMATION = re.compile(
    r"(?:\S+\s+){0,3}\[?(?:INFO|DEBUG|TRACE|NOTICE|WARN|WARNING)\]?\b[:\s\]|]|level=(?:info|debug|warn)"
)
_PROGRESS = re.compile(
    r"(?:.*?\b)?\d{1,3}(?:\.\d+)?\s?%(?:\s*[|\[(].*|\s+.*\b\d+:\d\d.*|\s*)$|.*[█▏▎▍▌▋▊▉■━─#=.>]{8,}"
    r"|\s*%\s+Total\s+%|\s*Dload\s+Upload|[\s\d.:kKMGTB-]+$|[-\\|/⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] "
)
_PLACE_REMARK = re.compile(r"^\S+[:(]\d+[\d,:)]* (?:warning|note|remark|info)\b", re.IGNORECASE)
_PROPERTY = re.compile(r"\s+(?:at \S|from \S+:\d|[\w$]+: (?:['\"\[{]|-?\d|undefined|null|true|false))")
"""A frame of a trace, or a property of the object that an exception is printed with."""
_REPEAT = re.compile(
    r"(?:make|gmake|mingw32-make)(?:\[\d+\])?: \*\*\* .*Error \d+"
    r"|exit(?:ed)?(?: with)?(?: status| code)?:? ?-?\d+\.?$"
    r"|.*\b(?:previous errors?|previous failures|could not compile|aborting due to|subcommand failed"
    r"|build stopped"
    r"|execution halted|elifecycle|failed to push some refs|could not read from remote"
    r"|completed with \d+ errors?"
    r"|failed--compilation aborted|not recoverable|test failed, to rerun|returned non-zero exit"
    r"|due to \d+ error)"
    r"|.*\b(?:command|script|recipe|job|task|step|process|program|hook|action)\b"
    r".*\b(?:exit|exited|returned|failed with)\b.*\b(?:code|status)?:? ?-?\d+\.?\)?$"
    r"|(?:\S+: )?\W*(?:fatal|error|failure|err)?\W*(?:the )?"
    r"(?:job|task|build|script|command|test|tests|step|run|process|pipeline|deploy\w*|operation)?"
    r"\W*(?:has |have )?(?:failed|failure|aborted|error|fatal)\W*(?:in [\d.]+ ?\w+)?$"
    r"|FAILED: \S+$|\W*\d+ (?:errors?|failed)\b.*|code [A-Z]|(?:syscall|path|errno) \S+$"
    r"|enoent This is|.*This is (?:related to|probably) |Found \d+ errors?|✖ \d+ problems?",
    re.IGNORECASE,
)
_NONE = re.compile(r"\b(?:0|no|without) (?:errors?|failures?|failed)\b", re.IGNORECASE)
_ERROR = re.compile(
    r"\b(?:error|err|fatal|critical|panic|exception|failed|failure|fails?|cannot|can't|could ?n[o']t"
    r"|unable|denied"
    r"|refused|not found|no such|undefined|unrecogni[sz]ed|unknown|invalid|missing|abort(?:ed)?|killed"
    r"|terminated"
    r"|core dumped|time[ds]?[ -]?out|unreachable|out of memory|no space|assert\w*|unexpected|illegal"
    r"|corrupt\w*"
    r"|exceed\w*|expired|unauthori[sz]ed|forbidden|conflict|unbound|unset|died|does not|doesn't|is not"
    r"|not an? "
    r"|not (?:permitted|allowed|enough|defined|supported|recogni[sz]ed)|no rule|no matching|too (?:many"
    r"|long|large)"
    r"|quota|broken pipe|reset by peer|bad|wrong|rejected|violat\w+|duplicate|mismatch\w*|(?-i:E[A-Z]{3,}))\b"
    r"|\w(?:Error|Exception)\b|^\S+[:(]\d+[,:)].*: ",
    re.IGNORECASE,
)
_STAMP = re.compile(
    r"^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?\]?[\s:|-]*"
    r"|^\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?\s+"
)


class Rank(IntEnum):
    """How much a line tells of why a command failed."""

    REMARK = 1
    """Progress, hints, warnings, information."""
    REPEAT = 2
    """That something failed, and nothing else."""
    PLAIN = 3
    ERROR = 4
    """It names an error."""
    CRASH = 5
    """An exception, a panic, an abort."""


class RankedLine(NamedTuple):
    """What a line tells, and how much that is."""

    rank: Rank
    text: str


def rank_of(line: str) -> RankedLine:
    """Return how much a single line tells, and what of it is worth telling."""
    text = _STAMP.sub("", line.strip())
    crash = _CRASH.match(text)
    if crash is not None:
        return RankedLine(Rank.CRASH, crash["text"] or crash["named"] or text)
    remarks = (_REMARK, _INFORMATION, _PROGRESS, _PLACE_REMARK)
    if _PROPERTY.match(line) or any(pattern.match(text) for pattern in remarks):
        return RankedLine(Rank.REMARK, text)
    if _REPEAT.match(text):
        return RankedLine(Rank.REPEAT, text)
    if _ERROR.search(text) and not _NONE.search(text):
        return RankedLine(Rank.ERROR, text)
    return RankedLine(Rank.PLAIN, text)
