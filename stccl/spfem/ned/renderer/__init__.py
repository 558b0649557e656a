"""NED's second stage: a face drawn as a mesh becomes a picture of a person.

`track` reads the fit of a clip, `conditions` draws what the network is told, `footage` keeps it
beside the real crops, `generator` and `discriminator` are the networks, `losses` and `perceptual`
what they learn by, `train` learns, and `renderer` is the result: saved, loaded, and used. What it
makes goes back into the film with `stccl.spfem.blend`.

Papantoniou et al., "Neural emotion director" (CVPR 2022), Section 3.3; the recurrent generator
after Koujan et al., "Head2Head" (FG 2020).
"""
