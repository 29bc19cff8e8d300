"""Model servers as a careful user would write them with each framework; run in the peers' environment.

Each answers POST /invocations, for bodies in CSV or as {"instances": [...]}, with one number per line.
"""
