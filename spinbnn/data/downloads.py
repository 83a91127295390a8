"""Fetching data sets: several addresses, checksums, whole files or none."""

from __future__ import annotations

import hashlib
import logging
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import DataError, MissingToolError, ParameterError, suggest
from ..files import atomic_path, writing
from .cifar import META, PUBLISHED, class_names
from .root import data_root
from .sources import SOURCES, Remote, Source

Progress = Callable[[int, int, str], None]
TIMEOUT = 30.0
"""Longest silence of a server [s]."""


def file_checksum(path: Path, kind: str) -> str:
    """Return ``"kind:hex"`` of a file; ``kind`` is ``"sha256"`` or ``"md5"``."""
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False))
    return f"{kind}:{found.hexdigest()}"


class _Bar:
    """What pooch calls while it downloads; passes bytes on to a progress callable."""

    def __init__(self, name: str, progress: Progress | None) -> None:
        self.name, self.progress, self.total, self.done = name, progress, 0, 0

    def update(self, count: int) -> None:
        self.done += count
        if self.progress is not None and self.total:
            self.progress(min(self.done, self.total), self.total, self.name)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        """Nothing is held open."""


@contextmanager
def _quiet(pooch: Any) -> Iterator[None]:
    """Keep pooch's remarks out of the standard error: errors are ours, and progress has its own line."""
    logger = pooch.get_logger()
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


def _retrieve(remote: Remote, folder: Path, replace: bool, progress: Progress | None) -> Path:
    """Return the file, fetched if it is not there; what arrives with another checksum is thrown away."""
    try:
        import pooch
    except ModuleNotFoundError as missing:
        raise MissingToolError(
            "downloads need pooch, which is not installed", where="fetch", remedy="pip install 'spinbnn[nn]'"
        ) from missing
    target = folder / remote.name
    if target.exists():
        found = file_checksum(target, remote.checksum.partition(":")[0])
        if found == remote.checksum:
            return target
        if not replace:
            raise DataError(
                "a file is there that is not the published one: damaged, half downloaded, or another version",
                where=str(target),
                value=found,
                remedy=f"published: {remote.checksum}; remove the file, or fetch with --replace (replace=True)",
            )
    causes = []
    with writing(target):
        folder.mkdir(parents=True, exist_ok=True)
    for address in remote.addresses:
        downloader = pooch.HTTPDownloader(
            progressbar=_Bar(remote.name, progress), timeout=TIMEOUT, chunk_size=65536
        )
        try:
            with _quiet(pooch):
                pooch.retrieve(
                    address, remote.checksum, fname=remote.name, path=folder, downloader=downloader
                )
            return target
        except (OSError, ValueError) as error:  # no connection, refused, cut off; another checksum
            causes.append(f"{address}: {' '.join(str(error).split())[:200]}")
    raise DataError(
        f"the file cannot be fetched from any of {len(causes)} addresses",
        where=str(target),
        value=causes,
        remedy="check the connection and try again, or put the file there yourself",
    )


def _unpack_cifar(archive: Path, folder: Path) -> None:
    """Unpack the seven files that are read, each whole or not at all; nothing else of the archive is touched."""
    wanted = {*PUBLISHED, META}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = Path(member.name).name
                if name not in wanted or not member.isfile():
                    continue
                stream = tar.extractfile(member)
                if stream is None:
                    continue
                with atomic_path(folder / name) as beside, beside.open("wb") as out:
                    while block := stream.read(1 << 20):
                        out.write(block)
                wanted.discard(name)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(
            f"the archive cannot be unpacked: {error}",
            where=str(archive),
            remedy="remove it and fetch it again",
        ) from error
    if wanted:
        raise DataError(
            "the archive lacks files",
            where=str(archive),
            value=sorted(wanted),
            remedy="remove it and fetch it again",
        )


def _names_there(folder: Path) -> bool:
    """Say whether the file with the names of the classes, which has no published checksum, can be read."""
    try:
        return bool(class_names(folder))
    except DataError:
        return False


def _fetch_cifar(source: Source, base: Path, replace: bool, progress: Progress | None) -> list[Path]:
    """Fetch and unpack the archive, unless the published files are there already."""
    folder = base / source.folder
    files = [folder / name for name in PUBLISHED]
    different = [
        path
        for path in files
        if path.exists() and file_checksum(path, "md5") != f"md5:{PUBLISHED[path.name]}"
    ]
    if different and not replace:
        raise DataError(
            "a file is there that is not the published one: damaged, or made in another way",
            where=str(different[0]),
            value=f"{len(different)} of {len(files)} files differ",
            remedy="keep it under another data root, or fetch with --replace (replace=True)",
        )
    if different or not all(path.exists() for path in files) or not _names_there(folder):
        (remote,) = source.files
        there = (base / remote.name).exists()
        archive = _retrieve(remote, base, replace, progress)
        _unpack_cifar(archive, folder)
        if not there:
            archive.unlink()
    return [*files, folder / META]


def fetch(
    name: str, root: str | Path | None = None, *, replace: bool = False, progress: Progress | None = None
) -> list[Path]:
    """Fetch a data set into the data root; what is there with the right checksum is not fetched again.

    Each file is downloaded beside its place, checked, and renamed: an interrupted download leaves nothing behind that
    could be taken for the file, and the next call fetches what is missing (file by file; a file is never continued in
    its middle). Addresses are tried in turn. CIFAR-10's archive is unpacked and, where this call fetched it, removed.

    Parameters
    ----------
    name : str
        A key of :data:`~spinbnn.data.sources.SOURCES`.
    root : str or Path or None
        Data root, made if it is not there; None: the environment variable ``SPINBNN_DATA``.
    replace : bool
        Replace a file whose checksum is not the published one; False refuses.
    progress : callable or None
        ``progress(done, total, file)`` in bytes.

    Returns
    -------
    list of Path
        The files that :func:`~spinbnn.data.datasets.load` reads.

    Raises
    ------
    ParameterError
        If the data set is unknown, or needs no download.
    DataError
        If no address gives a file with the published checksum, or another file stands in its place.
    MissingToolError
        If pooch is not installed.

    Examples
    --------
    >>> fetch("digits")
    Traceback (most recent call last):
    spinbnn.errors.ParameterError: nothing is to be fetched
      where:  fetch, argument 'name'
      value:  'digits'
      remedy: the digits come with scikit-learn: load('digits')
    """
    if name == "digits":
        raise ParameterError(
            "nothing is to be fetched",
            where="fetch, argument 'name'",
            value=name,
            remedy="the digits come with scikit-learn: load('digits')",
        )
    if name not in SOURCES:
        raise ParameterError(
            "unknown data set", where="fetch, argument 'name'", value=name, remedy=suggest(str(name), SOURCES)
        )
    source = SOURCES[name]
    base = data_root(root, name=name, holds=f"{source.folder}/ (it may be empty)")
    if source.archive:
        return _fetch_cifar(source, base, replace, progress)
    return [_retrieve(remote, base / source.folder, replace, progress) for remote in source.files]
