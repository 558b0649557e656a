"""Albedo and light against slow loops, and where both are known."""

import numpy as np
import pytest
import torch

from stccl.face3d.shading import harmonics
from stccl.fit import appearance
from stccl.fit.appearance import estimate
from stccl.fit.projection import rotation_matrices

LIGHT = np.outer([3.2, 0.3, 0.5, 0.8, 0.1, -0.1, 0.15, 0.05, 0.2], [1.0, 0.9, 0.8])


def sphere(frames: int = 8, places: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Basis functions, albedo and weights of a ball that turns to and fro before a camera."""
    random = np.random.default_rng(0)
    normals = random.normal(size=(places, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    angle = np.linspace(-1.2, 1.2, frames)
    turns = rotation_matrices(np.stack([0.5 * np.sin(3 * angle), angle, 0 * angle], 1))[0]
    turned = normals @ turns.transpose(0, 2, 1)
    basis = harmonics(torch.from_numpy(turned)).numpy()
    return basis, random.uniform(0.2, 0.6, (places, 3)), np.clip(turned[..., 2] * 2, 0, 1)


def test_albedo_and_light_of_a_ball_are_found(monkeypatch):
    basis, albedo, weights = sphere()
    colours = albedo * (basis @ LIGHT)
    monkeypatch.setattr(appearance, "_ALBEDO_PRIOR", 1e-9)
    monkeypatch.setattr(appearance, "_LIGHT_PRIOR", 1e-9)
    monkeypatch.setattr(appearance, "_ROUNDS", 400)
    found = estimate(colours, basis, weights)
    seen = weights.sum(0) > 0.5
    ratio = found.albedo[seen] / albedo[seen]  # one factor per channel is free
    assert np.allclose(ratio, ratio.mean(0), rtol=0.01)
    assert np.allclose(found.light * ratio.mean(0), LIGHT, rtol=0.01, atol=0.02)


def test_colours_are_met_with_the_usual_settings():
    basis, albedo, weights = sphere()
    colours = albedo * (basis @ LIGHT)
    found = estimate(colours, basis, weights)
    missed = (weights * np.abs(found.colours(basis) - colours).mean(-1)).sum() / weights.sum()
    assert missed < 0.015  # 0.1 with one albedo for all
    mean = np.einsum("tn,tnc->c", weights, colours) / weights.sum()
    seen = weights.sum(0) > 0.5
    assert np.allclose(found.albedo[seen].mean(0), mean, rtol=0.1)


def test_each_half_is_a_least_squares_problem(monkeypatch):
    basis, albedo, weights = sphere(3, 40)
    random = np.random.default_rng(1)
    colours = albedo * (basis @ LIGHT) + random.normal(0, 0.05, (3, 40, 3))
    monkeypatch.setattr(appearance, "_ROUNDS", 1)
    start = appearance.Appearance(albedo, LIGHT)
    found = estimate(colours, basis, weights, start)
    for channel in range(3):
        mean = (weights * colours[..., channel]).sum() / weights.sum()
        rows, goals = [], []
        for t in range(3):
            for v in range(40):
                root = weights[t, v] ** 0.5
                rows.append(root * albedo[v, channel] * basis[t, v])
                goals.append(root * colours[t, v, channel])
        for k in range(1, 9):
            rows.append(np.eye(9)[k] * (1e-3 * weights.sum()) ** 0.5 * mean)
            goals.append(0.0)
        light = np.linalg.lstsq(np.array(rows), np.array(goals), rcond=None)[0]
        assert np.allclose(found.light[:, channel], light)
        for v in range(40):
            above, below = 0.02 * 3 * mean, 0.02 * 3
            for t in range(3):
                white = basis[t, v] @ light
                above += weights[t, v] * white * colours[t, v, channel]
                below += weights[t, v] * white**2
            assert found.albedo[v, channel] == pytest.approx(above / below)


def test_a_tint_is_the_albedos_and_order_does_not_matter():
    basis, albedo, weights = sphere(4, 60)
    colours = albedo * (basis @ LIGHT)
    plain, tinted = estimate(colours, basis, weights), estimate(2 * colours, basis, weights)
    assert np.allclose(tinted.albedo, 2 * plain.albedo)
    assert np.allclose(tinted.light, plain.light)
    turned = estimate(colours[:, ::-1], basis[:, ::-1], weights[:, ::-1])
    assert np.allclose(turned.albedo[::-1], plain.albedo)
