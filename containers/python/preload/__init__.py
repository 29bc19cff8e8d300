"""A fork server: loads the modules of the jobs once, so that a job starts as a fork within milliseconds.

Where the program that runs this image knows nothing of fork servers, such as SageMaker, it is never started.
"""
