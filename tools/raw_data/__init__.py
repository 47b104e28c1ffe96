"""A folder of RAW files on the user's machine: which they are, what the lake will make of them."""
