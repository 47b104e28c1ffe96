"""The doors' own code against AWS in memory, with one seeded scheduler that owns order and time: docs/simulation.md."""
