"""The whole loss by loops over samples, frames, regions and channels, in double precision.

Shares no line with the library but the backbone, whose maps it is given.
"""

import math
from itertools import combinations

import numpy as np
import torch


def slow_loss(loss, generated, source, locations, mask=None):
    """Spatial and temporal part, each already multiplied by its factor."""
    config = loss.config
    with torch.no_grad():
        sides = [
            [
                m.unflatten(0, clip.shape[:2]).double().numpy()
                for m in loss.backbone(clip.flatten(0, 1))
            ]
            for clip in (generated, source)
        ]
    totals = {"spatial": 0.0, "temporal": 0.0}
    for part in totals:
        if not getattr(config, part) or (part == "temporal" and generated.shape[1] < 2):
            continue
        for level in range(4):
            where = getattr(locations, part)[level].tolist()
            head = head_of(getattr(loss, f"{part}_heads")[level])
            query, key = (
                items_of(config, part, side[level], where, level_mask(mask, level))
                for side in sides
            )
            totals[part] += level_loss(config, part, query, key, head)
    return (
        config.spatial_weight * totals["spatial"],
        config.temporal_weight * totals["temporal"],
    )


def head_of(module):
    if isinstance(module, torch.nn.Identity):
        return lambda d: d
    w1, b1, w2, b2 = (p.detach().double().numpy() for p in module.parameters())
    return lambda d: w2 @ np.maximum(w1 @ d + b1, 0) + b2


def level_mask(mask, level):
    """At most half of the pixels below a region may be missing."""
    if mask is None:
        return None
    if mask.ndim == 2:
        return lambda b, t, row, column: bool(mask[b, t])
    side = 2 ** (level + 1)
    return lambda b, t, row, column: (
        float(
            mask[b, t, row * side : (row + 1) * side, column * side : (column + 1) * side]
            .double()
            .mean()
        )
        >= 0.5
    )


def cut(frames, length):
    """Windows that follow each other; the last ends with the clip."""
    length = min(length or frames, frames)
    starts, start = [], 0
    while start + length < frames:
        starts.append(start)
        start += length
    starts.append(frames - length)
    return [list(range(s, s + length)) for s in starts]


def items_of(config, part, features, where, counts):
    """Lists of (vector, does it count, who it is); who decides which vectors are neighbours."""
    samples, frames, _, _, width = features.shape

    def at(b, t, place):
        return features[b, t, :, place // width, place % width]

    def seen(b, t, place):
        return counts is None or counts(b, t, place // width, place % width)

    def who(place):
        return (place // width, place % width)

    items = []
    for b in range(samples):
        if part == "spatial":
            for t in range(frames):
                if config.formulation == "disparity":
                    items.append(
                        [
                            (at(b, t, i) - at(b, t, j), seen(b, t, i) and seen(b, t, j), i)
                            for i, j in where
                        ]
                    )
                else:
                    items.append([(at(b, t, i), seen(b, t, i), who(i)) for i in where])
            continue
        for window in cut(frames, config.temporal_window_frames):
            if config.formulation == "disparity":
                for t, u in combinations(window, 2):
                    if config.frame_pairs == "adjacent" and u != t + 1:
                        continue
                    items.append(
                        [
                            (at(b, t, i) - at(b, u, i), seen(b, t, i) and seen(b, u, i), who(i))
                            for i in where
                        ]
                    )
            else:
                items += [[(at(b, t, i), seen(b, t, i), (t, 0)) for t in window] for i in where]
    return items


def are_neighbours(config, part, one, other):
    if config.negatives == "all":
        return True
    if config.formulation == "disparity" and part == "spatial":
        return one == other
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= 1


def related(config, part, item, head):
    mapped = [head(vector) for vector, _, _ in item]
    if config.formulation == "disparity":
        return [v / (np.linalg.norm(v) or 1) for v in mapped]
    if config.centred:
        middle = sum(v for v, (_, counts, _) in zip(mapped, item, strict=True) if counts)
        middle = middle / max(1, sum(counts for _, counts, _ in item))
        mapped = [v - middle for v in mapped]
    rows = []
    for s, row in enumerate(item):
        cells = []
        for t, column in enumerate(item):
            cell = float(np.dot(mapped[s], mapped[t]))
            if not (row[1] and column[1]):
                cell = 0.0
            if part == "temporal" and config.frame_pairs == "adjacent" and abs(s - t) > 1:
                cell = 0.0
            cells.append(cell)
        rows.append(np.array(cells) / (np.linalg.norm(cells) or 1))
    return rows


def hardness(config, item):
    """Mean over channels of Eq. 6, vector by vector."""
    vectors = [v for v, _, _ in item]
    if config.formulation == "correlation":
        counted = [v for v, counts, _ in item if counts]
        middle = np.mean(counted, axis=0) if counted else 0
        vectors = [v - middle for v in vectors]
    result = []
    for vector in vectors:
        weights = []
        for d in vector.tolist():
            s = 1 / (1 + math.exp(-abs(d)))
            w = config.adaptive_scale * s**config.adaptive_power
            weights.append(1.0 if config.adaptive_form == "published" and s <= 0.8 else w)
        result.append(sum(weights) / len(weights))
    return result


def level_loss(config, part, query, key, head):
    each, weights = [], []
    for q_item, k_item in zip(query, key, strict=True):
        q, k = (related(config, part, item, head) for item in (q_item, k_item))
        hard = hardness(config, q_item)
        for s, (_, counts, who) in enumerate(q_item):
            if not counts:
                continue
            against = [
                t
                for t, (_, other_counts, other) in enumerate(q_item)
                if t == s or (other_counts and are_neighbours(config, part, who, other))
            ]
            scores = [float(np.dot(q[s], k[t])) / config.temperature for t in against]
            top = max(scores)
            log_sum = top + math.log(sum(math.exp(x - top) for x in scores))
            each.append(log_sum - float(np.dot(q[s], k[s])) / config.temperature)
            weights.append(hard[s])
    if not each:
        return 0.0
    if not config.adaptive or (config.adaptive_form == "published" and part == "temporal"):
        return sum(each) / len(each)
    if config.adaptive_form == "published":
        return sum(each) / len(each) * sum(weights) / len(weights)
    return sum(w * e for w, e in zip(weights, each, strict=True)) / len(each)
