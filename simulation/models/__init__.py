"""AWS in memory, as far as the doors use it, at the level of the boto3 client's methods. What is assumed of each
service is in docs/simulation.md; `tests/integration/test_simulated_services.py` holds it against the local AWS."""
