"""Triangles to pixels on the CPU, without a display; knows nothing of faces.

Own code because no package gives what is needed together: nvdiffrast needs a GPU, GL-based ones a
driver, PyTorch3D no longer ships CPU wheels, and DEODR returns colours but not which triangle is
seen where, so no shading of one's own (normal maps, spherical harmonics) can follow it.

`raster` finds what is seen in every pixel, `mesh` and `visibility` what the vertices carry,
`surface` and `strands` the colour, `picture` turns light into bytes: numpy, one picture at a time.

For batches with gradients: `view` brings points into the picture, `differentiable` finds what is
seen and carries attributes and gradients across, `silhouette` softens outlines so that they have
gradients too, `normals` are the vertices' and `lamps` light them.
"""
