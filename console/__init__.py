"""The console: what the platform decided, by what, and how it stands, in a browser. Reads; what it changes goes through
the platform's own doors."""
