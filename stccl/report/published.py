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
