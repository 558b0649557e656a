import pytest
import torch

from stccl.training.exact import deterministic


@pytest.mark.parametrize("before", [False, True])
def test_it_ends_as_it_began(before):
    own = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(before)
    try:
        with deterministic():
            assert torch.are_deterministic_algorithms_enabled()
        assert torch.are_deterministic_algorithms_enabled() == before
        with deterministic(wanted=False):
            assert torch.are_deterministic_algorithms_enabled() == before
        with pytest.raises(RuntimeError, match="on the way"), deterministic():
            raise RuntimeError("on the way")
        assert torch.are_deterministic_algorithms_enabled() == before
    finally:
        torch.use_deterministic_algorithms(own)
