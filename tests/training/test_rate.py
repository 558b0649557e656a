from stccl.training.rate import rate_left


def test_the_rate_falls_to_nothing():
    assert [rate_left(step, 4, 1.0) for step in range(5)] == [1, 0.75, 0.5, 0.25, 0]
    assert [rate_left(step, 4, 0.5) for step in range(5)] == [1, 1, 1, 0.5, 0]


def test_it_may_stay():
    assert [rate_left(step, 4, 0.0) for step in range(5)] == [1] * 5
