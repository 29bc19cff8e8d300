"""Puts the newest approved model package into service, and marks it rejected when it was rolled back."""
