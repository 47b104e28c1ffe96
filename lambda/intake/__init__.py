"""What opens review cases, and looks after them: payments from the queue, and every few minutes how things stand."""
