"""Data in the RAW contract: a seeded population that borrows and pays, and adapters of well-known public sets."""
