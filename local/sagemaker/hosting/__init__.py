"""Models and what serves them: endpoints, and the servers that transform jobs start."""
