"""`make replay-dlq ENV=<env>`: the payments that the stream door gave up come back, once what ailed it is repaired."""
