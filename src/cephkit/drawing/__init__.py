"""Pictures of landmarks: ``painter`` says what to draw, ``svg`` and ``raster`` draw it."""
