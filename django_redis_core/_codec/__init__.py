"""Values and names as stored: serializer → compressor → sealer and back, keys, times."""
