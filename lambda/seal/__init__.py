"""The seal of a day's decision log: whoever changes the log afterwards is found."""
