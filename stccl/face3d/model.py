"""What every face model offers: coefficients in, vertices and landmarks out, differentiable."""

from typing import NamedTuple, Protocol

from torch import Tensor


class FaceCoefficients(NamedTuple):
    """What a face looks like and does in B frames; torch tensors, batch first.

    Rotations are axis-angle in radians, right-handed; +x points to the image's right (the
    subject's left), +y up, +z out of the face.
    """

    shape: Tensor
    """(B, S) identity, in standard deviations."""
    expression: Tensor
    """(B, E); 0 is rest and, for the built-in head, 1 the full apex of a facial action."""
    rotation: Tensor
    """(B, 3) of the whole head about the origin, rad."""
    translation: Tensor
    """(B, 3) of the whole head, m."""
    jaw: Tensor
    """(B, 3) about the hinge near the ears, rad; +x opens."""
    eyes: Tensor
    """(B, 2, 3) about each eyeball's middle, rad; the right eye (image left) first."""


class FaceModel(Protocol):
    """A mesh of fixed topology moved by coefficients. The origin is between the ears."""

    @property
    def shape_names(self) -> tuple[str, ...]:
        """What each shape coefficient varies."""

    @property
    def expression_names(self) -> tuple[str, ...]:
        """What each expression coefficient does."""

    @property
    def triangles(self) -> Tensor:
        """(F, 3) int64 vertex numbers, counter-clockwise seen from outside."""

    @property
    def surface_triangles(self) -> Tensor:
        """(F', 3) int64: those of the head's outside, eyeballs included; what images show."""

    @property
    def template(self) -> Tensor:
        """(V, 3) positions of the average face at rest, m."""

    def vertices(self, coefficients: FaceCoefficients) -> Tensor:
        """(B, V, 3) positions, m."""

    def landmarks(self, vertices: Tensor) -> Tensor:
        """(B, 68, 3) positions, m, in 300-W order, of (B, V, 3) vertices."""

    def pupils(self, vertices: Tensor) -> Tensor:
        """(B, 2, 3) positions, m, the right eye's (image left) first, of (B, V, 3) vertices."""
