"""One scorer behind two doors: the same vector, the same policy, the same decision for the API and the stream."""
