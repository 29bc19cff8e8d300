"""Processing job: uploaded files become a training set, a hold-out and a schema."""
