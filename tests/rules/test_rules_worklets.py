"""What the outputs of a worklet mean."""

from __future__ import annotations

import pytest

from core.model.errors import Invalid
from core.model.patterns.children import EndJob, Result
from core.model.patterns.judgements import TakeResult
from core.model.values import JsonObject
from core.rules.worklets import read_result

TYPES = {"n": "integer", "any": None}
NONSENSE: dict[str, tuple[JsonObject, str]] = {
    "no result": ({"message": "x"}, "it gives out no `result`"),
    "an unknown result": ({"result": "reboot"}, "`result` is one of retry, skip, succeed, fail"),
    "a result that is no text": ({"result": ["retry"]}, "`result` is one of"),
    "an unknown part": ({"result": "skip", "nxt": []}, "`nxt` is not part of a result; did you mean `next`?"),
    "next of a retry": ({"result": "retry", "next": ["b"]}, "`next` is for a task that succeeds"),
    "no list of next": ({"result": "succeed", "next": "b"}, "`next` is a list of keys"),
    "a key that is no text": ({"result": "skip", "cancel": [1]}, "`cancel` is a list of keys"),
    "an output of a skipped task": ({"result": "skip", "output": {}}, "`output` is for a task that succeeds"),
    "an output that is no mapping": ({"result": "succeed", "output": 3}, "`output` is a mapping"),
    "an unknown variable": ({"result": "retry", "set": {"m": 1}}, "`set.m`: the job has no such variable"),
    "a variable of another type": ({"result": "retry", "set": {"n": "x"}}, '"x" is not of type integer'),
    "variables that are no mapping": ({"result": "retry", "set": ["n"]}, "`set` is a mapping"),
    "an unknown end": ({"result": "skip", "end": "succeeded"}, "`end` is one of failed, cancelled"),
    "a retry in a job that ends": ({"result": "retry", "end": "failed"}, "cannot run again"),
    "a message that is no text": ({"result": "skip", "message": 3}, "`message` is a text"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_what_no_worklet_decides_is_refused_by_name(name: str) -> None:
    outputs, message = NONSENSE[name]
    with pytest.raises(Invalid) as caught:
        read_result(outputs, TYPES)
    assert caught.value.code == "worklet.result"
    assert message in caught.value.message


def test_each_part_of_a_result_is_read() -> None:
    outputs: JsonObject = {
        "result": "succeed",
        "message": " by hand ",
        "output": {"n": 1},
        "next": ["b", "b"],
        "set": {"n": 2, "any": "x"},
        "cancel": ["c"],
        "end": "failed",
    }
    assert read_result(outputs, TYPES) == TakeResult(
        result=Result.SUCCEED,
        output={"n": 1},
        message="by hand",
        next=("b",),
        variables={"n": 2, "any": "x"},
        cancel=("c",),
        end=EndJob.FAILED,
    )


def test_null_stands_for_what_is_not_given() -> None:
    nothing = dict.fromkeys(("message", "output", "next", "set", "cancel", "end"))
    assert read_result({"result": "retry", **nothing}, TYPES) == TakeResult(result=Result.RETRY)
