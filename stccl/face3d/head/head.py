"""The built-in head: blend shapes, a jaw on a hinge, eyes that turn, lips and lids that meet."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from stccl.face3d.head import mouth, topology
from stccl.face3d.head import proportions as prop
from stccl.face3d.head.anatomy import PARTS, Anatomy, build_anatomy
from stccl.face3d.head.expressions import EXPRESSION_NAMES, expression_basis, jaw_corrective
from stccl.face3d.head.features import feature_uv, vertex_groups
from stccl.face3d.head.identity import SHAPE_NAMES, shape_displacements
from stccl.face3d.head.jaw import HINGE_MM, jaw_weights
from stccl.face3d.head.landmarks import landmark_places
from stccl.face3d.head.proportions import Array
from stccl.face3d.model import FaceCoefficients
from stccl.face3d.rotation import rotation_matrix

PUPILS_ABOVE_ORIGIN_M = 0.020
"""The origin lies between the ears, the pupils this much above it."""

OUTSIDE = ("skin", "ear", "lid_lining", "eyeball")
"""Parts of the outer surface: what FLAME's mesh has too. No inside of the mouth, no clothes."""

_SEAL = EXPRESSION_NAMES.index("lip_presser")
_SEALED = 0.8  # coefficient from which the lips are closed whatever opens them
_LID_YIELDS = (1.0, 0.98, 0.93, 0.83, 0.66, 0.46, 0.24, 0.06)
_LIP_YIELDS = (1.0, 1.0, 0.99, 0.97, 0.94, 0.89, 0.82, 0.76, 0.70, 0.60, 0.47, 0.30)
_LIP_THICKNESS_MM = (0.5, 0.8, 1.1, 1.4, 1.7, 2.0, 2.2, 2.4, 2.6, 2.8)
"""Least distance to the front of the teeth, of rings from the lining outwards."""
_LID_THICKNESS_MM = (1.0, 1.7)  # of the inner edge and of the skin over the eyeball


@dataclass(frozen=True)
class _Built:
    anatomy: Anatomy
    shape: Array
    expression: Array
    jaw: Array
    jaw_corrective: Array
    landmark_triangles: Array
    landmark_weights: Array
    feature_uv: dict[str, Array]
    vertex_groups: dict[str, Array]


@cache
def _built() -> _Built:
    anatomy = build_anatomy()
    triangles, weights = landmark_places(anatomy)
    shape = shape_displacements(anatomy.points)
    # Eyeballs stay balls: they move with their middle.
    centres = shape_displacements(_eye_centres())
    for eye, vertices in enumerate(_eyeballs(anatomy)):
        shape[:, vertices] = centres[:, eye : eye + 1]
    return _Built(
        anatomy, shape, expression_basis(anatomy), jaw_weights(anatomy),
        jaw_corrective(anatomy), triangles, weights,
        feature_uv(anatomy), vertex_groups(anatomy),
    )  # fmt: skip


def _eye_centres() -> Array:
    return np.array([prop.EYE_CENTRE_MM, prop.EYE_CENTRE_MM]) * [[-1, 1, 1], [1, 1, 1]]


def _eyeballs(anatomy: Anatomy) -> list[Array]:
    ball = anatomy.part == PARTS.index("eyeball")
    return [np.flatnonzero(ball & (s * anatomy.points[:, 0] > 0)) for s in (-1, 1)]


class Head(nn.Module):
    """An adult head made from published proportions; needs no licensed file.

    vertices = pose(mean + S shape + E expression), S being the directions in which people differ
    and E those in which faces move, with a jaw skinned to a hinge near the ears and eyeballs that
    turn about their middles. Three things are not linear: lids slide over the eyeballs, lids and
    lips that would pass through each other meet half way, and `lip_presser` closes the gap between
    the lips whatever else opens it.

    Attributes:
        shape_names: What each identity coefficient varies, in standard deviations.
        expression_names: Facial actions, 0 to 1.
        part_names: Names of the parts; `vertex_parts` (V,) and `triangle_parts` (F,) number them.
        uv: (V, 2) texture coordinates, v up; every part has a chart of its own.
        feature_uv: Curves and spots of the skin's texture, see `features.feature_uv`.
        vertex_groups: Vertex numbers by name, see `features.vertex_groups`.
    """

    triangles: Tensor
    mean: Tensor
    jaw_weights: Tensor
    uv: Tensor
    vertex_parts: Tensor
    triangle_parts: Tensor
    mirror: Tensor
    landmark_triangles: Tensor
    landmark_weights: Tensor
    _basis: Tensor
    _joints: Tensor
    _joint_basis: Tensor
    _jaw_moves: Tensor
    _eyeballs: Tensor
    _lids: Tensor
    _lid_nets: Tensor
    _lid_yields: Tensor
    _lid_reach: Tensor
    _lips: Tensor
    _lip_yields: Tensor
    _lip_cover: Tensor
    _lip_thickness: Tensor

    def __init__(self) -> None:
        super().__init__()
        built = _built()
        anatomy = built.anatomy
        self.shape_names = SHAPE_NAMES
        self.expression_names = EXPRESSION_NAMES
        self.part_names = PARTS
        self.feature_uv = dict(built.feature_uv)
        self.vertex_groups = dict(built.vertex_groups)

        def store(name: str, values: Array, dtype: torch.dtype = torch.float32) -> None:
            self.register_buffer(name, torch.tensor(np.ascontiguousarray(values), dtype=dtype))

        lift = np.array([0, PUPILS_ABOVE_ORIGIN_M, 0])
        store("triangles", anatomy.triangles, torch.int64)
        store("mean", anatomy.points * 1e-3 + lift)
        basis = [built.shape, built.expression, built.jaw_corrective[None]]
        store("_basis", np.concatenate(basis) * 1e-3)
        store("jaw_weights", built.jaw)
        store("_jaw_moves", np.flatnonzero(built.jaw > 0), torch.int64)
        store("uv", anatomy.uv)
        store("vertex_parts", anatomy.part, torch.int64)
        store("triangle_parts", anatomy.part[anatomy.triangles].max(1), torch.int64)
        store("mirror", anatomy.mirror, torch.int64)
        store("landmark_triangles", built.landmark_triangles, torch.int64)
        store("landmark_weights", built.landmark_weights)
        incisors = (0.0, mouth.UPPER_EDGE_Y_MM, mouth.UPPER_TEETH_Z_MM)
        joints = np.concatenate([_eye_centres(), [HINGE_MM, incisors]])
        store("_joints", joints * 1e-3 + lift)
        store("_joint_basis", shape_displacements(joints) * 1e-3)
        store("_eyeballs", np.array(_eyeballs(anatomy)), torch.int64)

        # Contact: columns of vertices above and below the fissure, rings from the rim outwards.
        columns = topology.LID_COLUMNS
        upper = anatomy.lids[:, :, 1:columns]
        lower = anatomy.lids[:, :, :columns:-1]
        store("_lids", np.stack([upper, lower]), torch.int64)
        inner = np.array((0.0, 0.3, 0.7, 1.0))
        store("_lid_yields", np.concatenate([inner, _LID_YIELDS])[:, None] * np.ones(columns - 1))
        count = topology.MOUTH_COLUMNS
        store(
            "_lips",
            np.stack([anatomy.lips[:, :, :count], anatomy.lips[:, :, :count:-1]]),
            torch.int64,
        )
        lining = anatomy.lips.shape[1] - len(_LIP_YIELDS)
        column = np.where(np.arange(count) == 0, 0.5, 1.0)  # the middle belongs to both halves
        rings = np.concatenate([np.linspace(0, 1, lining + 1)[:-1], _LIP_YIELDS])
        store("_lip_yields", rings[:, None] * column)
        cover = [
            (vertex, thickness)
            for number, thickness in enumerate(_LIP_THICKNESS_MM)
            for vertex in np.unique(anatomy.lips[:, lining - 1 + number]).tolist()
        ]
        first = dict(reversed(cover))  # the innermost ring of a vertex counts
        store("_lip_cover", np.array(list(first)), torch.int64)
        store("_lip_thickness", np.array(list(first.values())) * 1e-3)
        self._lid_rim = anatomy.lids.shape[1] - len(topology.LID_OFFSETS_MM)
        self._lip_rim = lining
        lid_part = np.full(anatomy.lids.shape[1], _LID_THICKNESS_MM[1])
        lid_part[: self._lid_rim] = _LID_THICKNESS_MM[0]
        lid_part[: self._lid_rim - 1] = -prop.EYE_RADIUS_MM
        store("_lid_reach", (prop.EYE_RADIUS_MM + lid_part) * 1e-3)
        store("_lid_nets", anatomy.lids, torch.int64)

    def vertices(self, coefficients: FaceCoefficients) -> Tensor:
        """(B, V, 3) positions, m; differentiable."""
        c = coefficients
        linear = torch.cat([c.shape, c.expression, c.jaw[:, :1]], 1)
        points = self.mean + (linear @ self._basis.flatten(1)).view(-1, *self.mean.shape)
        joints = self._joints + torch.einsum("bs,sjc->bjc", c.shape, self._joint_basis)
        points = self._turn_eyes(points, joints[:, :2], c.eyes)
        points = self._meet(points, self._lids, self._lid_yields, self._lid_rim, None)
        points = self._slide_lids(points, joints[:, :2])
        points = self._cover_teeth(points, joints[:, 3])
        points = self._open_jaw(points, joints[:, 2], c.jaw)
        seal = (c.expression[:, _SEAL] / _SEALED).clamp(0, 1)
        points = self._meet(points, self._lips, self._lip_yields, self._lip_rim, seal)
        turned = points @ rotation_matrix(c.rotation).transpose(-1, -2)
        return turned + c.translation[:, None]

    @property
    def template(self) -> Tensor:
        """(V, 3) positions of the average face at rest, m."""
        return self.mean

    @property
    def surface_triangles(self) -> Tensor:
        """(F', 3) triangles of the parts in `OUTSIDE`."""
        parts = torch.tensor([self.part_names.index(name) for name in OUTSIDE])
        return self.triangles[torch.isin(self.triangle_parts, parts.to(self.triangles.device))]

    def pupils(self, vertices: Tensor) -> Tensor:
        """(B, 2, 3) fronts of the eyeballs, m, the right one first, of (B, V, 3) vertices."""
        foremost = self.mean[self._eyeballs][..., 2].argmax(1, keepdim=True)
        return vertices[:, self._eyeballs.gather(1, foremost)[:, 0]]

    @property
    def expression_basis(self) -> Tensor:
        """(E, V, 3) m at coefficient 1."""
        return self._basis[len(self.shape_names) : -1]

    def landmarks(self, vertices: Tensor) -> Tensor:
        """(B, 68, 3) positions, m, in 300-W order, of (B, V, 3) vertices."""
        corners = vertices[:, self.triangles[self.landmark_triangles]]
        return (corners * self.landmark_weights[..., None]).sum(2)

    def rest(self, batch: int = 1) -> FaceCoefficients:
        """Coefficients of the average face at rest, all zero."""

        def zero(*shape: int) -> Tensor:
            return self.mean.new_zeros(batch, *shape)

        return FaceCoefficients(
            zero(len(self.shape_names)), zero(len(self.expression_names)), zero(3), zero(3),
            zero(3), zero(2, 3),
        )  # fmt: skip

    def _turn_eyes(self, points: Tensor, centres: Tensor, eyes: Tensor) -> Tensor:
        turn = rotation_matrix(eyes).transpose(-1, -2)
        balls = points[:, self._eyeballs] - centres[:, :, None]
        balls = balls @ turn + centres[:, :, None]
        points = points.index_copy(1, self._eyeballs.flatten(), balls.flatten(1, 2))
        # The lids go along when the gaze turns up or down (positive pitch looks down).
        upper, lower = self._lids[0], self._lids[1]
        pitch = eyes[:, :, 0][:, :, None, None] * self._lid_yields
        columns = torch.linspace(0, torch.pi, upper.shape[2] + 2, dtype=points.dtype)[1:-1]
        swing = pitch * columns.to(points.device).sin()
        for net, amount in ((upper, 0.0085), (lower, 0.0045)):
            moved = torch.stack([0 * swing, -amount * swing, 0 * swing], -1)
            points = points.index_add(1, net.flatten(), moved.flatten(1, 3))
        return points

    def _slide_lids(self, points: Tensor, centres: Tensor) -> Tensor:
        """Keep the lids outside of the eyeballs."""
        nets = self._lid_nets
        towards = points[:, nets] - centres[:, :, None, None]
        reach = towards.norm(dim=-1, keepdim=True)
        least = self._lid_reach[:, None, None]
        soft = 0.00015
        out = (reach + least + ((reach - least) ** 2 + soft**2).sqrt()) / 2
        placed = centres[:, :, None, None] + towards * (out / reach)
        return points.index_copy(1, nets.flatten(), placed.flatten(1, 3))

    def _cover_teeth(self, points: Tensor, incisors: Tensor) -> Tensor:
        """Keep lips and their lining in front of the teeth."""
        lips = points[:, self._lip_cover]
        width, depth = mouth.ARCH_WIDTH_MM * 1e-3, mouth.ARCH_DEPTH_MM * 1e-3
        back = 1 - (1 - (lips[..., 0] / width) ** 2).clamp(min=0.02).sqrt()
        least = incisors[:, None, 2] - depth * back + self._lip_thickness
        short = least - lips[..., 2]
        soft = 0.0003
        push = (short + (short**2 + soft**2).sqrt()) / 2
        return points.index_add(1, self._lip_cover, torch.stack([0 * push, 0 * push, push], -1))

    def _open_jaw(self, points: Tensor, hinge: Tensor, jaw: Tensor) -> Tensor:
        turn = rotation_matrix(jaw).transpose(-1, -2)
        moving = points[:, self._jaw_moves] - hinge[:, None]
        weights = self.jaw_weights[self._jaw_moves, None]
        return points.index_add(1, self._jaw_moves, weights * (moving @ turn - moving))

    @staticmethod
    def _meet(
        points: Tensor, nets: Tensor, yields: Tensor, rim: int, seal: Tensor | None
    ) -> Tensor:
        """Take back what of the upper rim is below the lower one; close gaps by `seal`."""
        upper, lower = nets[0], nets[1]
        gap = points[:, upper[:, rim]] - points[:, lower[:, rim]]  # (B, 2, columns, 3)
        overlap = gap[..., 1].clamp(max=0)
        close = (-overlap / 3e-4).clamp(max=1)  # how far they meet in depth, too
        if seal is not None:
            close = torch.maximum(close, seal[:, None, None].expand_as(close))
            overlap = overlap + seal[:, None, None] * gap[..., 1].clamp(min=0)
        upper_share = 0.6 if seal is None else 0.4
        moved = torch.stack([close * gap[..., 0], overlap, close * gap[..., 2]], -1)
        column = moved[:, :, None] * yields[..., None]
        points = points.index_add(1, upper.flatten(), -upper_share * column.flatten(1, 3))
        return points.index_add(1, lower.flatten(), (1 - upper_share) * column.flatten(1, 3))
