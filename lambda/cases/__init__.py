"""Review cases: payments of one customer that a person must look at, until somebody has decided what they were."""
