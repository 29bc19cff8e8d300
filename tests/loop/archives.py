"""Archives as SageMaker has them: a .tar.gz with some small file."""

import io
import tarfile


def packed(name: str, content: str) -> bytes:
    """An archive of one file."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content.encode()))
    return whole.getvalue()


def unpacked(archive: bytes, name: str) -> bytes:
    """One file of an archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        member = opened.extractfile(name)
        assert member is not None
        return member.read()
