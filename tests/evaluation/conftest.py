"""Made-up data and small metrics, as in the tests of the metric."""

from tests.metric.conftest import made_data, small, small_params

__all__ = ["made_data", "small", "small_params"]
