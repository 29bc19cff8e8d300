"""The whole loop on a year of real flights, driven by events alone: `make demo`."""
