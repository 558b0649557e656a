"""CSIM: whether a generated clip shows the target's emotion."""

from torch import Tensor
from torch.nn.functional import cosine_similarity

from stccl.evaluation.clip_mean import ClipMean
from stccl.evaluation.points import embeddings


class EmotionSimilarity(ClipMean):
    r"""Cosine of the emotion embeddings of a generated and a target clip (CSIM).

    .. math:: \frac{\bar g \cdot \bar t}{|\bar g| \, |\bar t|}

    :math:`\bar g, \bar t`: means over the frames of the generated clip and of a clip of the target
    emotion, which need not say the same words. In [-1, 1], higher is better.

    Source: ASCCL, Section 5.2.

    >>> import torch
    >>> EmotionSimilarity()(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[2.0, 2.0]]))
    tensor(1.0000, dtype=torch.float64)
    """

    higher_is_better = True

    def update(self, generated: Tensor, target: Tensor) -> None:
        """Add a clip.

        Args:
            generated: (T, E) embeddings of its frames, as of `stccl.experts.emotion`.
            target: (T', E) of a clip of the target emotion.

        Raises:
            ValueError: For other shapes.
        """
        found, true = embeddings(generated=generated, target=target)
        self._add(float(cosine_similarity(found.mean(dim=0), true.mean(dim=0), dim=0)))
