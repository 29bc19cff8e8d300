"""`python -m local STATE PORT SETTINGS`: the embedded AWS in the foreground (see local.cloud.start)."""

import json
import os
import resource
import sys
from pathlib import Path

_DESCRIPTORS = 20_000
"""Each prediction under way needs two: its caller's connection, and the one to the instance."""


def main() -> None:
    """Serve until SIGTERM."""
    state, port, settings = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _DESCRIPTORS if most == resource.RLIM_INFINITY else min(most, _DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    # ministack reads its settings from the environment when it is imported.
    os.environ.update(
        {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": "localhost",
            "MINISTACK_ACCOUNT_ID": settings["account"],
            "MINISTACK_REGION": settings["region"],
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state / "services"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(state / "objects"),
            # Nothing but the one port: these services open ports of their own.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
            # The functions' own clients; ministack gives each its role's credentials.
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_DEFAULT_REGION": settings["region"],
            "AWS_EC2_METADATA_DISABLED": "true",
            # Threads for small matrices would only take the processors from the jobs.
            "OPENBLAS_NUM_THREADS": "1",
        }
    )
    from local.adapter.server import serve

    # That was for ministack; functions inherit our environment and have a level of their own.
    del os.environ["LOG_LEVEL"]
    serve(state, port, settings["account"], settings["region"], settings["speed"])


if __name__ == "__main__":
    main()
