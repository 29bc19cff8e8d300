"""Processing job: captured traffic is compared with the training rows of the model in service."""
