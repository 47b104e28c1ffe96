"""The first day and every other one: data in, a night, training, approval, and how things stand."""
