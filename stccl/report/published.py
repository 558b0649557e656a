"""What the authors report, for orientation."""

SIMILARITIES = {
    "spatial": {"untrained": {"positive": 0.48}, "trained": {"positive": 0.96, "negative": 0.02}},
    "temporal": {"untrained": {"positive": 0.52}, "trained": {"positive": 0.98, "negative": 0.01}},
}
"""Mean cosine similarity by metric, weights and kind; what they do not give is absent."""

SETTING = "36 speakers of MEAD, ArcFace-initialised IResNet-50, 224 px"

SOURCE = (
    "T. Chen, J. Lin, Z. Yang, C. Qing, G. Wang, L. Lin: Learning Spatial-Temporal Coherent "
    "Correlations for Speech-Preserving Facial Expression Manipulation, arXiv 2604.20226"
)

SPFEM = {
    "mead": {
        "intra": {
            "NED": (2.108, 9.454, 0.831),
            "NED + STCCL-VD": (1.077, 9.359, 0.914),
            "NED + STCCL-CM": (1.103, 9.33, 0.916),
        },
        "cross": {
            "NED": (4.448, 9.906, 0.773),
            "NED + STCCL-VD": (4.169, 9.216, 0.795),
            "NED + STCCL-CM": (4.253, 9.225, 0.799),
        },
    },
    "ravdess": {
        "intra": {
            "NED": (3.057, 7.562, 0.825),
            "NED + STCCL-VD": (2.938, 7.404, 0.835),
            "NED + STCCL-CM": (2.996, 7.404, 0.839),
        },
        "cross": {
            "NED": (5.412, 8.034, 0.76),
            "NED + STCCL-VD": (4.774, 7.803, 0.767),
            "NED + STCCL-CM": (4.794, 7.804, 0.772),
        },
    },
}
"""FAD, LSE-D and CSIM of NED, averages over seven emotions, by dataset and setting."""
