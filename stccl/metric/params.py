"""Settings of the `metric` stage."""

from pydantic import Field

from stccl.section import Section


class MetricParams(Section):
    """The metric and its training."""

    temperature: float = Field(gt=0, description="Temperature of the contrastive softmax.")
