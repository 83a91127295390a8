"""Fetching from a server of our own: checksums, several addresses, cut-off answers, archives."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import io
import struct
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from spinbnn.data import cifar, downloads, fetch, load
from spinbnn.data.cifar import FOLDER, META, TEST_FILE, TRAIN_FILES
from spinbnn.data.idx import FILES
from spinbnn.data.sources import SOURCES, Remote
from spinbnn.errors import DataError, ParameterError


class Server(ThreadingHTTPServer):
    """Serves ``content``; ``asked`` lists the paths, ``cut`` the ones that end in their middle."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.asked, self.cut = {}, [], set()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        body = self.server.content.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path in self.server.cut else body)

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def idx(array):
    return gzip.compress(struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes())


@pytest.fixture
def mnist(server, monkeypatch):
    """MNIST of twelve images at two addresses, the second of which is good."""
    draw = np.random.default_rng(0)
    arrays = [draw.integers(0, 256, (8, 28, 28), np.uint8), np.arange(8, dtype=np.uint8)]
    arrays += [draw.integers(0, 256, (4, 28, 28), np.uint8), np.arange(4, dtype=np.uint8)]
    remotes = []
    for name, array in zip(FILES.values(), arrays, strict=True):
        body = idx(array)
        server.content[f"/good/{name}.gz"] = body
        remotes.append(
            Remote(
                name=f"{name}.gz",
                checksum=f"sha256:{hashlib.sha256(body).hexdigest()}",
                addresses=(f"{server.address}/first/{name}.gz", f"{server.address}/good/{name}.gz"),
            )
        )
    monkeypatch.setitem(SOURCES, "mnist", dataclasses.replace(SOURCES["mnist"], files=tuple(remotes)))
    return remotes


def test_the_next_address_is_tried_and_what_is_there_is_kept(server, mnist, tmp_path):
    steps = []
    paths = fetch("mnist", tmp_path / "new" / "root", progress=lambda *step: steps.append(step))
    assert [p.name for p in paths] == [r.name for r in mnist] and len(server.asked) == 8
    assert load("mnist", root=tmp_path / "new" / "root").test_labels.tolist() == [0, 1, 2, 3]
    assert {p.name for p in paths[0].parent.iterdir()} == {r.name for r in mnist}, "nothing else is left behind"
    assert steps[-1][0] == steps[-1][1] == len(server.content[f"/good/{mnist[3].name}"])
    server.asked.clear()
    paths[1].unlink()
    fetch("mnist", tmp_path / "new" / "root")
    assert server.asked == [f"/first/{mnist[1].name}", f"/good/{mnist[1].name}"]


def test_what_arrives_damaged_is_not_kept(server, mnist, tmp_path):
    name = mnist[0].name
    body = server.content[f"/good/{name}"]
    server.content[f"/first/{name}"] = body  # cut off by the server
    server.cut.add(f"/first/{name}")
    server.content[f"/good/{name}"] = body[:-1] + b"x"
    with pytest.raises(DataError, match="any of 2 addresses") as caught:
        fetch("mnist", tmp_path)
    assert caught.value.where.endswith(name) and len(caught.value.value) == 2
    assert "/first/" in caught.value.value[0] and "hash" in caught.value.value[1].lower()
    assert list((tmp_path / "mnist").iterdir()) == []
    server.cut.clear()
    assert len(fetch("mnist", tmp_path)) == 4


def test_nobody_answers(monkeypatch, tmp_path):
    remote = dataclasses.replace(SOURCES["mnist"].files[0], addresses=("http://127.0.0.1:9/x",))
    monkeypatch.setitem(SOURCES, "mnist", dataclasses.replace(SOURCES["mnist"], files=(remote,)))
    with pytest.raises(DataError, match="any of 1 addresses") as caught:
        fetch("mnist", tmp_path)
    assert "127.0.0.1" in caught.value.value[0] and "connection" in caught.value.remedy


def test_another_file_in_its_place_is_refused_or_replaced(mnist, tmp_path):
    target = tmp_path / "mnist" / mnist[0].name
    target.parent.mkdir()
    target.write_bytes(b"half of it")
    with pytest.raises(DataError, match="not the published one") as caught:
        fetch("mnist", tmp_path)
    assert target.read_bytes() == b"half of it" and "--replace" in caught.value.remedy
    fetch("mnist", tmp_path, replace=True)
    assert f"sha256:{hashlib.sha256(target.read_bytes()).hexdigest()}" == mnist[0].checksum


def test_a_root_that_cannot_be_made(mnist, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        fetch("mnist", tmp_path / "file")
    monkeypatch.delenv("SPINBNN_DATA", raising=False)
    with pytest.raises(DataError, match="no place"):
        fetch("mnist")


def test_bad_names():
    with pytest.raises(ParameterError, match="unknown") as caught:
        fetch("minst")
    assert "'mnist'" in caught.value.remedy
    with pytest.raises(ParameterError, match="nothing is to be fetched"):
        fetch("digits")


def archive(names):
    out = io.BytesIO()
    bodies = {}
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for k, name in enumerate([*names, "readme.html"]):
            body = ("\n".join("abcdefghij") if name == META else "x").encode()
            if name.endswith(".bin"):
                body = b"".join(bytes([k]) + bytes([k + j] * 3072) for j in range(3))
            info = tarfile.TarInfo(f"{FOLDER}/{name}")
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
            bodies[name] = body
        link = tarfile.TarInfo("../outside")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return out.getvalue(), bodies


@pytest.fixture
def cifar_source(server, monkeypatch):
    def serve(names=(*TRAIN_FILES, TEST_FILE, META)):
        body, files = archive(names)
        server.content["/c.tar.gz"] = body
        sums = {n: hashlib.md5(files.get(n, b"")).hexdigest() for n in (*TRAIN_FILES, TEST_FILE)}
        for module in (cifar, downloads):
            monkeypatch.setattr(module, "PUBLISHED", sums)
        (remote,) = SOURCES["cifar-10"].files
        remote = dataclasses.replace(
            remote, checksum=f"md5:{hashlib.md5(body).hexdigest()}", addresses=(f"{server.address}/c.tar.gz",)
        )
        monkeypatch.setitem(SOURCES, "cifar-10", dataclasses.replace(SOURCES["cifar-10"], files=(remote,)))
        return body

    return serve


def test_the_archive_is_unpacked_checked_and_removed(server, cifar_source, tmp_path):
    cifar_source()
    paths = fetch("cifar-10", tmp_path)
    assert {p.name for p in paths} == {*TRAIN_FILES, TEST_FILE, META}
    assert {p.name for p in tmp_path.iterdir()} == {FOLDER}, "no archive and nothing outside"
    assert {p.name for p in (tmp_path / FOLDER).iterdir()} == {p.name for p in paths}, "nothing else of the archive"
    data = load("cifar-10", root=tmp_path)
    assert data.test_labels.tolist() == [5, 5, 5] and "as published" in data.source
    assert data.train_images[:, 0, 0, 0].tolist() == [0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5, 4, 5, 6]
    server.asked.clear()
    fetch("cifar-10", tmp_path)
    assert server.asked == []
    (tmp_path / FOLDER / TRAIN_FILES[1]).unlink()
    fetch("cifar-10", tmp_path)
    assert server.asked == ["/c.tar.gz"]


def test_class_names_that_cannot_be_read_are_unpacked_again(server, cifar_source, tmp_path):
    cifar_source()
    fetch("cifar-10", tmp_path)
    (tmp_path / FOLDER / META).write_text("airplane")
    with pytest.raises(DataError, match="ten class names") as caught:
        load("cifar-10", root=tmp_path)
    assert "spinbnn data fetch cifar-10" in caught.value.remedy
    fetch("cifar-10", tmp_path)
    assert len(load("cifar-10", root=tmp_path).class_names) == 10


def test_an_archive_that_was_there_is_used_and_kept(server, cifar_source, tmp_path):
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(cifar_source())
    fetch("cifar-10", tmp_path)
    assert server.asked == [] and (tmp_path / "cifar-10-binary.tar.gz").exists()


def test_files_of_another_origin_are_not_overwritten(cifar_source, tmp_path):
    cifar_source()
    fetch("cifar-10", tmp_path)
    path = tmp_path / FOLDER / TEST_FILE
    path.write_bytes(b"\0" * 3073)
    with pytest.raises(DataError, match="not the published one") as caught:
        fetch("cifar-10", tmp_path)
    assert caught.value.where == str(path) and path.stat().st_size == 3073
    fetch("cifar-10", tmp_path, replace=True)
    assert path.stat().st_size == 3 * 3073


def test_an_archive_without_a_file_or_that_is_none(server, cifar_source, tmp_path, monkeypatch):
    cifar_source((*TRAIN_FILES, META))
    with pytest.raises(DataError, match="lacks files") as caught:
        fetch("cifar-10", tmp_path)
    assert caught.value.value == [TEST_FILE]
    with contextlib.suppress(FileNotFoundError):
        (tmp_path / "cifar-10-binary.tar.gz").unlink()
    body = b"no archive"
    server.content["/c.tar.gz"] = body
    (remote,) = SOURCES["cifar-10"].files
    remote = dataclasses.replace(remote, checksum=f"md5:{hashlib.md5(body).hexdigest()}")
    monkeypatch.setitem(SOURCES, "cifar-10", dataclasses.replace(SOURCES["cifar-10"], files=(remote,)))
    with pytest.raises(DataError, match="cannot be unpacked"):
        fetch("cifar-10", tmp_path)


def test_checksums_are_whole_and_named():
    for source in SOURCES.values():
        for remote in source.files:
            kind, _, digits = remote.checksum.partition(":")
            assert len(digits) == {"sha256": 64, "md5": 32}[kind] and int(digits, 16) >= 0
            assert len(remote.addresses) >= 2 and all(a.startswith("http") and a.endswith(remote.name) for a in remote.addresses)
        assert source.licence and source.homepage.startswith("http")
