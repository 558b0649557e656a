"""What a renderer is told of a face: images of its geometry and its gaze, in the face crop.

`surface` says once per model what counts, `seen` draws a batch of faces, and `shape`, `nmfc` and
`mask` are images of it; `gaze` needs points only; `warp` brings images from the crop to the frame
and back. Kim et al., "Deep video portraits" (2018), conditioned a renderer so first; the images
here are those of NED (Papantoniou et al., "Neural emotion director", CVPR 2022, Section 3.3).
"""
