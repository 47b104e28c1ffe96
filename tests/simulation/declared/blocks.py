"""What the doors blocked as a kind of its own, and what is told of it."""

from features.declaration import DAY, HOUR, MINUTE, SinceLast, Window

FEATURES = (
    Window("customer", "block", "count", 10 * MINUTE, MINUTE),
    Window("customer", "block", "amount", DAY, HOUR),
    Window("customer", "attempt", "count", 10 * MINUTE, MINUTE),
    SinceLast("customer", "customer_ms_since_last_block", 30 * DAY, kind="block"),
)
