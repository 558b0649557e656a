"""Visual disparities: what regions mean to each other as their differences."""

from dataclasses import dataclass

from torch import Tensor

from stccl.metric.part import near_regions
from stccl.metric.windows import FramePairs, frame_pairs


class _Disparity:
    """What both have in common: the difference itself is what is mapped, compared and weighed."""

    def related(self, mapped: Tensor, counted: Tensor | None) -> Tensor:
        """The mapped differences, as they are."""
        return mapped

    def disparity(self, vectors: Tensor, counted: Tensor | None) -> Tensor:
        """The differences, as they are."""
        return vectors


@dataclass(frozen=True)
class SpatialDisparity(_Disparity):
    """D = x_i − x_j of a region i and its neighbour j, in every frame.

    Source: ASCCL, Section 4.1, inside the mapping of Eq. 3.

    Attributes:
        neighbours_only: Eq. 4: i → j is told apart from i → k alone.
    """

    neighbours_only: bool = False

    def vectors(self, features: Tensor, where: Tensor) -> Tensor:
        """The map of a level, (B, T, C, H, W), and pairs (S, 2) give D, (B·T, S, C)."""
        flat = features.flatten(0, 1).flatten(2)
        region, neighbour = (flat.index_select(2, side) for side in where.unbind(dim=1))
        return (region - neighbour).transpose(1, 2)

    def counted(self, mask: Tensor, where: Tensor) -> Tensor:
        """Pairs of which both regions count, (B·T, S), from the regions that do, (B, T, H·W)."""
        region, neighbour = (mask.flatten(0, 1).index_select(1, side) for side in where.unbind(1))
        return region & neighbour

    def rivals(self, features: Tensor, where: Tensor) -> Tensor | None:
        """Pairs of the same centre, (S, S); None for all."""
        if not self.neighbours_only:
            return None
        return where[:, None, 0] == where[None, :, 0]


@dataclass(frozen=True)
class TemporalDisparity(_Disparity):
    """D = x_i(t) − x_i(u) of a region i, for frames t < u of a window.

    Source: STCCL, the temporal metric in its disparity formulation.

    Attributes:
        pairs: Which frames are compared.
        window_frames: Length of the windows; None for the whole clip.
        neighbours_only: A region is told apart from those around it alone.
    """

    pairs: FramePairs = "all"
    window_frames: int | None = None
    neighbours_only: bool = False

    def vectors(self, features: Tensor, where: Tensor) -> Tensor:
        """The map of a level, (B, T, C, H, W), and positions (N,) give D, (B·R, N, C).

        R: pairs of frames, of all windows.
        """
        chosen = features.flatten(3).index_select(3, where)
        earlier, later = self._frames(features)
        difference = chosen.index_select(1, earlier) - chosen.index_select(1, later)
        return difference.flatten(0, 1).transpose(1, 2)

    def counted(self, mask: Tensor, where: Tensor) -> Tensor:
        """Regions that count in both frames, (B·R, N), from those that do, (B, T, H·W)."""
        chosen = mask.index_select(2, where)
        earlier, later = self._frames(mask)
        return (chosen.index_select(1, earlier) & chosen.index_select(1, later)).flatten(0, 1)

    def rivals(self, features: Tensor, where: Tensor) -> Tensor | None:
        """Regions that touch, (N, N); None for all."""
        return near_regions(where, features.shape[-1]) if self.neighbours_only else None

    def _frames(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        earlier, later = frame_pairs(clip.shape[1], self.window_frames, self.pairs)
        return (
            earlier.to(clip.device, non_blocking=True),
            later.to(clip.device, non_blocking=True),
        )
