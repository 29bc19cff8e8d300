"""Ten thousand objects in a minute: one training that covers them all."""
