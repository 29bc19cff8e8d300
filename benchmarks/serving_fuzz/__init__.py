"""Inputs that hurt: what the model server makes of bodies and connections that no honest client sends."""
