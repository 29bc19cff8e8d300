"""COPY: files of a build context into an image."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from local.images import tree
from local.images.dockerfile import BuildError


class Context:
    """The directory that is built from, without what its .dockerignore leaves out."""

    def __init__(self, directory: Path, ignored: Callable[[str], bool]) -> None:
        self._directory = directory.resolve()
        self._ignored = ignored

    def copy(self, sources: Sequence[str], destination: str, root: Path, workdir: str) -> int:
        """Copy as COPY does and return the number of files; raises BuildError.

        A directory's contents are copied, not the directory; a file goes into `destination` if that is a
        directory or ends in a slash, else it gets that name.
        """
        found = [path for source in sources for path in self._matching(source)]
        target = tree.inside(root, destination, workdir)
        into = (
            destination.endswith("/") or PurePosixPath(destination).name in ("", ".", "..") or target.is_dir()
        )
        if len(found) > 1 and not into:
            raise BuildError(f"COPY of several sources needs a directory: write {destination}/ with a slash.")
        return sum(self._copy_one(path, target, into, root) for path in found)

    def _copy_one(self, named: Path, target: Path, into: bool, root: Path) -> int:
        source = named.resolve()
        if not source.is_dir():
            tree.copy(source, target / named.name if into else target)
            return 1
        target.mkdir(parents=True, exist_ok=True)
        count = 0
        for path in self._below(source):
            # Where an earlier COPY left a link, follow it as the image would, never on this machine.
            place = "/" + str(target.relative_to(root) / path.relative_to(source).parent)
            if path.is_dir() and not path.is_symlink():
                tree.inside(root, path.name, place).mkdir(parents=True, exist_ok=True)
            else:
                tree.copy(path, tree.inside(root, place) / path.name)
                count += 1
        return count

    def _matching(self, pattern: str) -> list[Path]:
        """Return the files of the context that a source names; links among its directories stay inside."""
        parts = PurePosixPath(pattern.lstrip("/")).parts
        if ".." in parts:
            raise BuildError(f"COPY {pattern}: the path leads out of the build context.")
        if not parts:
            return [self._directory]
        matches = [
            path for path in sorted(self._directory.glob(str(PurePosixPath(*parts)))) if self._visible(path)
        ]
        if not matches:
            raise BuildError(f"COPY {pattern}: no such file or directory in the build context.")
        for path in matches:
            if not path.resolve().is_relative_to(self._directory):
                raise BuildError(
                    f"COPY {pattern}: the path leads out of the build context by a symbolic link."
                )
        return matches

    def _visible(self, path: Path) -> bool:
        return not self._ignored(path.relative_to(self._directory).as_posix())

    def _below(self, directory: Path) -> Iterator[Path]:
        for parent, directories, files in os.walk(directory):
            directories.sort()
            for name in sorted(directories + files):
                path = Path(parent, name)
                if self._visible(path):
                    yield path
