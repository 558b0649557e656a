"""Correlation matrices: what regions mean to each other as their inner products."""

from dataclasses import dataclass

import torch
from torch import Tensor

from stccl.metric.part import near_regions
from stccl.metric.windows import FramePairs, windows


class _Correlation:
    """What both have in common: rows of the matrix of inner products are compared.

    The papers leave open what the weight of Eq. 6 is taken from in this formulation: here it is
    how far a vector is from the mean of its matrix.
    """

    centred: bool

    def related(self, mapped: Tensor, counted: Tensor | None) -> Tensor:
        r"""M = V Vᵀ, row by row: :math:`M_{st} = \langle v_s, v_t \rangle`.

        Where `centred`, of V less the mean of its vectors.

        Args:
            mapped: V, (M, S, C).
            counted: (M, S); what does not count has rows and columns of zeros.

        Returns:
            (M, S, S), at least in single precision.
        """
        wide = mapped.float() if mapped.dtype in (torch.bfloat16, torch.float16) else mapped
        if self.centred:
            wide = self.disparity(wide, counted)
        if counted is not None:
            wide = wide * counted[..., None]
        with torch.autocast(mapped.device.type, enabled=False):
            return wide @ wide.transpose(1, 2)

    def disparity(self, vectors: Tensor, counted: Tensor | None) -> Tensor:
        """Vectors (M, S, C) less the mean of those of the same matrix that count."""
        if counted is None:
            return vectors - vectors.mean(dim=1, keepdim=True)
        share = counted[..., None] / counted.sum(dim=1).clamp(min=1)[:, None, None]
        return vectors - (vectors * share).sum(dim=1, keepdim=True)


@dataclass(frozen=True)
class SpatialCorrelation(_Correlation):
    """The S×S matrix of all sampled regions of a frame; a row tells one of them apart.

    Source: STCCL, the spatial metric in its correlation formulation.

    Attributes:
        neighbours_only: A row is told apart from those of the regions around it alone.
        centred: Without what all regions of the frame have in common.
    """

    neighbours_only: bool = False
    centred: bool = False

    def vectors(self, features: Tensor, where: Tensor) -> Tensor:
        """The map of a level, (B, T, C, H, W), and positions (S,) give x_i, (B·T, S, C)."""
        return features.flatten(0, 1).flatten(2).index_select(2, where).transpose(1, 2)

    def counted(self, mask: Tensor, where: Tensor) -> Tensor:
        """Regions that count, (B·T, S), from a map of them, (B, T, H·W)."""
        return mask.flatten(0, 1).index_select(1, where)

    def rivals(self, features: Tensor, where: Tensor) -> Tensor | None:
        """Regions that touch, (S, S); None for all."""
        return near_regions(where, features.shape[-1]) if self.neighbours_only else None


@dataclass(frozen=True)
class TemporalCorrelation(_Correlation):
    """The L×L matrix of a region over the frames of a window; a row tells one frame apart.

    Source: STCCL, the temporal metric in its correlation formulation.

    Attributes:
        pairs: All inner products, or those of a frame with itself and the frames beside it; the
            others are then zero.
        window_frames: L; None for the whole clip.
        neighbours_only: A row is told apart from those of the frames beside it alone.
        centred: Without what the region looks like all the time, which otherwise makes the rows of
            frames that follow each other all but equal.
    """

    pairs: FramePairs = "all"
    window_frames: int | None = None
    neighbours_only: bool = False
    centred: bool = False

    def vectors(self, features: Tensor, where: Tensor) -> Tensor:
        """The map of a level, (B, T, C, H, W), and positions (N,) give x(t), (B·W·N, L, C)."""
        chosen = features.flatten(3).index_select(3, where)
        return self._windows(chosen).permute(0, 1, 4, 2, 3).flatten(0, 2)

    def counted(self, mask: Tensor, where: Tensor) -> Tensor:
        """Frames in which a region counts, (B·W·N, L), from a map of them, (B, T, H·W)."""
        return self._windows(mask.index_select(2, where)).transpose(2, 3).flatten(0, 2)

    def related(self, mapped: Tensor, counted: Tensor | None) -> Tensor:
        """As of any correlation, without frames further apart where `pairs` is adjacent."""
        matrix = super().related(mapped, counted)
        return matrix if self.pairs == "all" else matrix * _beside(matrix)

    def rivals(self, features: Tensor, where: Tensor) -> Tensor | None:
        """Frames that follow each other, (L, L); None for all."""
        if not self.neighbours_only:
            return None
        length = windows(features.shape[1], self.window_frames).shape[1]
        return _beside(features.new_empty(length, length))

    def _windows(self, clip: Tensor) -> Tensor:
        """(B, T, …) to (B, W, L, …)."""
        frames = windows(clip.shape[1], self.window_frames)
        frames = frames.to(clip.device, non_blocking=True)
        return torch.unflatten(clip.index_select(1, frames.flatten()), 1, frames.shape)


def _beside(matrix: Tensor) -> Tensor:
    """Where row and column of a square matrix are at most one apart."""
    frame = torch.arange(matrix.shape[-1], device=matrix.device)
    return (frame[:, None] - frame).abs() <= 1
