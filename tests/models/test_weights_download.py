"""Downloading torchvision's files, from a server on this machine."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from delta_app.errors import Cancelled, WeightsError
from delta_app.models import weights_download
from delta_app.models.catalog import backbone, backbones
from delta_app.models.weights_download import download_default, weights_path_for

CONTENT = bytes(range(256)) * 4000  # 1 MB: several chunks
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if "missing" in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:300_000] if "short" in self.path else CONTENT)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def offer(cache: Path, monkeypatch: pytest.MonkeyPatch):
    """Let the catalog's ResNet-18 stand at another address, under a name with that hash."""

    def at(url: str, digest: str = DIGEST) -> Path:
        name = f"resnet18-{digest[:8]}.pth"
        entry = replace(backbone("resnet18"), weights_file=name, weights_url=f"{url}/{name}")
        monkeypatch.setattr(weights_download, "backbone", lambda name: entry)
        return cache / name

    return at


def nothing_in(folder: Path) -> bool:
    return not folder.exists() or not list(folder.iterdir())


def test_the_place_is_torchs_own_cache(cache: Path) -> None:
    assert weights_path_for("resnet18") == cache / "resnet18-f37072fd.pth"


def test_the_file_arrives_whole_with_progress(offer, server: str) -> None:
    place = offer(server)
    seen: list[tuple[int, int | None]] = []
    assert download_default("resnet18", lambda *progress: seen.append(progress)) == place
    assert place.read_bytes() == CONTENT
    assert [p.name for p in place.parent.iterdir()] == [place.name]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert len(seen) > 2
    assert seen == sorted(seen)


def test_a_file_that_is_there_is_taken_as_it_is(offer) -> None:
    place = offer("http://127.0.0.1:9")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    assert download_default("resnet18") == place
    assert place.read_bytes() == b"mine"


def test_another_hash_is_refused_and_nothing_kept(offer, server: str) -> None:
    place = offer(server, "0123abcd")
    with pytest.raises(WeightsError, match=r"arrived damaged.*expected 0123abcd") as caught:
        download_default("resnet18")
    assert caught.value.field == "weights"
    assert nothing_in(place.parent)


@pytest.mark.parametrize("part", ["short", "missing"])
def test_a_broken_download_names_the_file_and_its_place(offer, server: str, part: str) -> None:
    place = offer(f"{server}/{part}")
    reason = {"short": "the connection ended after 300 kB of 1.0 MB", "missing": "HTTP 404"}
    with pytest.raises(WeightsError, match=reason[part]) as caught:
        download_default("resnet18")
    assert str(place) in caught.value.cure
    assert nothing_in(place.parent)


def test_offline_the_message_names_the_file_and_where_to_put_it(offer) -> None:
    place = offer("http://127.0.0.1:9")  # nothing listens on the discard port
    with pytest.raises(WeightsError) as caught:
        download_default("resnet18")
    assert caught.value.field == "weights"
    assert "ResNet-18" in caught.value.message
    assert "http://127.0.0.1:9" in caught.value.message
    assert f"fetch {place.name} (46.8 MB)" in caught.value.cure
    assert f"put it at {place}" in caught.value.cure
    assert nothing_in(place.parent)


def test_a_download_can_be_stopped(offer, server: str) -> None:
    place = offer(server)

    def stop(done: int, total: int | None) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        download_default("resnet18", stop)
    assert nothing_in(place.parent)


def test_a_cache_that_cannot_be_written_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, offer, server: str
) -> None:
    offer(server)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="cannot be made: Not a directory") as caught:
        download_default("resnet18")
    assert "TORCH_HOME" in caught.value.cure


def test_every_file_that_is_offered_can_be_checked() -> None:
    """A name without the digits of its hash would let any file through."""
    offered = [each for each in backbones() if each.weights_file is not None]
    assert len(offered) > 50
    for each in offered:
        assert re.search(r"-[0-9a-f]{8,}\.", str(each.weights_file)), each.name
        assert str(each.weights_url).startswith("https://"), each.name
