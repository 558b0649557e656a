from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stccl.report.books import Entry, Refusal

ids = st.lists(st.sampled_from("abcde"))


@given(ids, ids, ids)
def test_astray_is_what_the_two_columns_do_not_explain(came_in, went_through, rejected):
    refusals = tuple(Refusal(item, "r", "d", "n") for item in rejected)
    entry = Entry("s", "clips", Counter(came_in), Counter(went_through), refusals)
    balanced = sorted(came_in) == sorted(went_through + rejected)
    assert (entry.astray == []) == balanced


def test_reasons_are_counted_most_frequent_first():
    reasons = ["b", "a", "c", "c"]
    refusals = tuple(Refusal("x", reason, "", "") for reason in reasons)
    entry = Entry("s", "clips", Counter(), Counter(), refusals)
    assert entry.reasons == [("c", 2), ("a", 1), ("b", 1)]
