"""Script mode, as AWS's framework images have it: the user's script trains, and its functions serve.

It stands in for AWS's package sagemaker-training, whose installation needs a C compiler, and for the servers
of the images, which need Java or packages that Python 3.11 does not run.
"""
