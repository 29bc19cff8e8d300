"""Processing job: challenger and champion predict the same hold-out; a verdict and a report come out."""
