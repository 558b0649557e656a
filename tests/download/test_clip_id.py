import re

from hypothesis import example, given
from hypothesis import strategies as st

from stccl.download.clip_id import clip_id

TEXT = st.text(min_size=1, max_size=60) | st.text(alphabet="aA-_+~./é", min_size=1, max_size=6)
PARTS = st.tuples(TEXT, TEXT, TEXT, st.integers(1, 2**31 - 1), TEXT, st.one_of(st.just(""), TEXT))


@given(PARTS)
@example(("d" * 300, "s" * 300, "e" * 300, 2**31 - 1, "x" * 300, "t" * 300))
@example(("a", "\udcff", "e", 1, "../..", ""))
def test_ids_are_safe_as_file_names(parts):
    made = clip_id(*parts)
    assert re.fullmatch(r"[A-Za-z0-9_+-]+", made)
    assert len(made) <= 150
    assert made == clip_id(*parts)


@given(PARTS, PARTS)
@example(("a", "b-c", "d", 1, "e", ""), ("a", "b", "c-d", 1, "e", ""))
@example(("a", "b", "c", 1, "e-1", ""), ("a", "b", "c", 1, "e", "1"))
@example(("a", "é", "c", 1, "x" * 100, ""), ("a", "e", "c", 1, "x" * 101, ""))
def test_different_clips_have_different_ids(one, other):
    assert (clip_id(*one) == clip_id(*other)) == (one == other)


@given(
    st.from_regex(r"[A-Za-z0-9_]{1,20}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9_]{1,30}", fullmatch=True),
)
def test_ordinary_names_stay_as_they_are(speaker, sentence):
    assert clip_id("mead", speaker, "sad", 1, sentence) == f"mead-{speaker}-sad-1-{sentence}"
