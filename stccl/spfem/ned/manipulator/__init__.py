"""NED's first stage: the expression of a face, translated to an emotion, as coefficients of a 3DMM.

`takes` reads what a face does, `networks` and `losses` are the model and what it learns from,
`rendered` supervises it with the STCCL loss on renderings, `train` trains it, and `manipulator`
holds what is trained and uses it. Source: Papantoniou et al., "Neural emotion director" (CVPR
2022), Section 3.2.
"""
