"""Directory trees of image files: paths that can't leave them, copies into them, and their hash."""

import hashlib
import os
import shutil
import stat
from pathlib import Path, PurePosixPath

from local.images.dockerfile import BuildError

# Debian has one tree for programs; /bin and the others are links into it.
_MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
_MOST_LINKS = 40


def inside(root: Path, path: str, workdir: str = "/") -> Path:
    """Return where `path` of the image is below `root`: `..` and symbolic links can't lead out of it."""
    pending = list(PurePosixPath(workdir, path).parts)[::-1]
    here: list[str] = []
    links = 0
    while pending:
        part = pending.pop()
        if part in ("/", "//", ".", ".."):
            here = here[:-1] if part == ".." else here
            if part.startswith("/"):
                here = []
            continue
        if not here and part in _MERGED:
            here = ["usr"]
        candidate = root.joinpath(*here, part)
        if candidate.is_symlink():
            links += 1
            if links > _MOST_LINKS:
                raise BuildError(f"{path} leads through a circle of symbolic links.")
            pending.extend(PurePosixPath(candidate.readlink()).parts[::-1])
            continue
        here.append(part)
    return root.joinpath(*here)


def copy(source: Path, target: Path) -> None:
    """Copy a file or a symbolic link as itself, with its permissions."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = source.lstat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise BuildError(f"{source} is neither file, directory nor symbolic link, so it can't be copied.")
    if target.is_symlink() or target.is_file():
        target.unlink()
    elif target.is_dir():
        raise BuildError(f"{target.name} would replace a directory of the image with a file.")
    shutil.copy2(source, target, follow_symlinks=False)


def digest(root: Path) -> tuple[str, int]:
    """Return a hash (64 hexadecimal digits) of names, contents and permissions, and the size in bytes."""
    total = hashlib.sha256()
    size = 0
    for directory, directories, files in os.walk(root):
        directories.sort()
        for name in sorted(directories + files):
            path = Path(directory, name)
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                kind, content = "link", str(path.readlink()).encode()
            elif stat.S_ISDIR(status.st_mode):
                kind, content = "directory", b""
            else:
                size += status.st_size
                with path.open("rb") as file:
                    kind, content = "file", hashlib.file_digest(file, "sha256").digest()
            entry = (str(path.relative_to(root)), kind, str(status.st_mode & 0o777), content.hex())
            total.update("\0".join(entry).encode(errors="surrogateescape") + b"\n")
    return total.hexdigest(), size
