"""Linear blend skinning: vertices that follow a tree of joints."""

from collections.abc import Sequence

import torch
from torch import Tensor


def skin(
    vertices: Tensor, joints: Tensor, rotations: Tensor, parents: Sequence[int], weights: Tensor
) -> Tensor:
    r"""Vertices moved by the joints that they hang on.

    .. math:: v_i' = \sum_j w_{ij} (G_j (v_i - q_j) + p_j), \qquad
        G_j = G_{\pi(j)} R_j, \quad p_j = p_{\pi(j)} + G_{\pi(j)} (q_j - q_{\pi(j)})

    with the resting joints q, their parents π, each joint's own rotation R about itself, and the
    weights w; the root has G = R and p = q. Source: Loper et al., SMPL (SIGGRAPH Asia 2015),
    Section 3; Li et al., FLAME (SIGGRAPH Asia 2017), Section 3.

    Args:
        vertices: (B, V, 3) at rest, m.
        joints: (B, J, 3) at rest, m.
        rotations: (B, J, 3, 3), each relative to its parent's.
        parents: J numbers, every parent before its children; the root's is not looked at.
        weights: (V, J), rows sum to 1.

    Returns:
        (B, V, 3), m.
    """
    turns, places = [rotations[:, 0]], [joints[:, 0]]
    for joint, parent in enumerate(parents[1:], start=1):
        bone = joints[:, joint] - joints[:, parent]
        places.append(places[parent] + (turns[parent] @ bone[..., None])[..., 0])
        turns.append(turns[parent] @ rotations[:, joint])
    turn, place = torch.stack(turns, 1), torch.stack(places, 1)
    shift = place - (turn @ joints[..., None])[..., 0]
    turn_of_vertex = torch.einsum("vj,bjrc->bvrc", weights, turn)
    return (turn_of_vertex @ vertices[..., None])[..., 0] + weights @ shift
