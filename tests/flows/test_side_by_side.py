import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import side_by_side
from flows.side_by_side import run_side_by_side
from stccl.errors import StageError


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], None]], None]:
    """Puts a function of its name in the place of every stage."""

    def use(work: Callable[[str], None]) -> None:
        def repro(stage: str, **_: Any) -> str:
            work(stage)
            return "ran"

        monkeypatch.setattr(side_by_side, "repro", repro)

    return use


@given(
    st.integers(1, 9).flatmap(
        lambda n: st.tuples(
            *(st.sets(st.integers(0, k - 1)) if k else st.just(set()) for k in range(n))
        )
    ),
    st.integers(1, 3),
)
def test_each_runs_once_after_what_it_needs_and_never_too_many_at_once(
    needed: tuple[set[int], ...], at_once: int
) -> None:
    after = {str(k): {str(earlier) for earlier in earliers} for k, earliers in enumerate(needed)}
    lock, begun, done, running, most = threading.Lock(), [], set(), 0, 0

    def repro(stage: str, **_: Any) -> str:
        nonlocal running, most
        with lock:
            assert after[stage] <= done
            begun.append(stage)
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
            done.add(stage)
        return "ran"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(side_by_side, "repro", repro)
        run_side_by_side(after, force=False, at_once=at_once)
    assert sorted(begun) == sorted(after)
    assert most <= at_once


def test_stages_that_do_not_need_each_other_run_at_the_same_time(stages) -> None:
    both = threading.Barrier(2)
    stages(lambda stage: both.wait(timeout=60) if stage in "bc" else None)
    run_side_by_side({"a": set(), "b": {"a"}, "c": {"a"}}, force=False, at_once=2)


def test_what_most_stages_wait_for_starts_first(stages) -> None:
    begun: list[str] = []
    stages(begun.append)
    after = {"report": set(), "judge": {"aside", "long"}, "aside": set(), "long": set()}
    after |= {"model": {"long"}, "films": {"model"}}
    run_side_by_side(after, force=False, at_once=1)
    assert begun[0] == "long"  # three wait for it, one far behind
    assert begun.index("model") < begun.index("report")
    assert begun.index("aside") < begun.index("judge")


def test_after_a_failure_nothing_starts_and_what_runs_comes_to_its_end(stages) -> None:
    both, ended = threading.Barrier(2), []

    def work(stage: str) -> None:
        if stage in "ab":
            both.wait(timeout=60)
        if stage == "a":
            raise StageError("a: no disk")
        ended.append(stage)

    stages(work)
    with pytest.raises(StageError, match="a: no disk"):
        run_side_by_side({"a": set(), "b": set(), "c": {"a"}}, force=False, at_once=2)
    assert ended == ["b"]


def test_an_interruption_stops_what_runs(stages, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = threading.Event()
    stages(lambda _: stopped.wait(timeout=60))
    monkeypatch.setattr(side_by_side, "stop", stopped.set)

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(side_by_side, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_side_by_side({"a": set()}, force=False, at_once=1)
    assert stopped.is_set()
