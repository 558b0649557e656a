"""Whether a generated clip still shows the same person."""

from torch import Tensor
from torch.nn.functional import cosine_similarity

from stccl.evaluation.clip_mean import ClipMean
from stccl.evaluation.points import embeddings


class IdentitySimilarity(ClipMean):
    r"""Mean cosine of the identity of generated frames with that of the source clip.

    .. math:: \frac{1}{T} \sum_t \frac{g_t \cdot \bar s}{|g_t| \, |\bar s|}

    g: embedding of a generated frame; :math:`\bar s`: mean over the frames of the source clip. In
    [-1, 1], higher is better. Frames of the source itself come close to 1, and how close is what a
    generated clip can reach. dlib's embeddings of any two people are alike to some 0.8.

    Source: Deng et al., ArcFace (CVPR 2019), whose cosine it is.

    >>> import torch
    >>> IdentitySimilarity()(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[3.0, 0.0]]))
    tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = True

    def update(self, generated: Tensor, source: Tensor) -> None:
        """Add a clip.

        Args:
            generated: (T, D) embeddings of its frames, as of `stccl.experts.identity`.
            source: (T', D) of the source's.

        Raises:
            ValueError: For other shapes.
        """
        found, true = embeddings(generated=generated, source=source)
        self._add(float(cosine_similarity(found, true.mean(dim=0, keepdim=True)).mean()))
