"""RAW files as people bring them -> rows of text cells. The one reader: the lake's first job, the demo's intake,
`make check-data` and `make quality` all read through this room, so that what one accepts all accept."""
