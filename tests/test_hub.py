"""Names on the hub, with stand-ins for it: no test needs a network."""

from pathlib import Path, PureWindowsPath
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError

from cephkit import hub
from cephkit.errors import CephkitError, CheckpointError
from cephkit.hub import check_login, fetched, hub_name, is_hub_name, upload
from cephkit.published import fingerprint
from tests.test_published import folder_of

COMMIT, OTHER = "a" * 40, "b" * 40


class Hub:
    """A hub with one model, at two commits, and a cache that is empty at first."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.cached, self.calls = root, set[str](), list[dict[str, Any]]()
        self.error: Exception | None = None
        for commit, epoch in ((COMMIT, 7), (OTHER, 8)):
            (root / commit).mkdir(parents=True)
            folder_of(root / commit, epoch=epoch).rename(root / "made")
            (root / commit).rmdir()
            (root / "made").rename(root / commit)
        monkeypatch.setattr(hub, "_FOLDERS", {})
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", self.download)
        self.is_up, self.monkeypatch = True, monkeypatch
        monkeypatch.setattr("cephkit.models.pretrained.reachable", lambda url: self.is_up)

    def download(self, repository: str, **given: Any) -> str:
        self.calls.append({"repository": repository, **given})
        assert constants.HF_HUB_DISABLE_TELEMETRY
        commit = {None: COMMIT, "main": COMMIT}.get(given["revision"], given["revision"])
        if given.get("local_files_only"):
            if commit not in self.cached:
                raise LocalEntryNotFoundError("not in the cache")
        elif self.error is not None:
            raise self.error
        self.cached.add(commit)
        return str(self.root / commit)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    return Hub(tmp_path / "snapshots", monkeypatch)


def test_only_the_files_of_a_model_are_fetched_and_the_commit_and_hash_are_said_once(there: Hub) -> None:
    lines: list[str] = []
    folder = fetched("hf:ann/ceph", lines.append)
    assert fetched(Path("hf:ann/ceph"), lines.append) == folder == there.root / COMMIT
    assert [call["repository"] for call in there.calls] == ["ann/ceph", "ann/ceph"]  # the cache, then the hub
    assert there.calls[1]["allow_patterns"] == ["config.json", "model.safetensors", "README.md"]
    (line,) = lines
    assert COMMIT in line
    assert fingerprint(folder) in line
    assert f"hf:ann/ceph@{COMMIT}" in line
    assert hub_name(folder) == f"hf:ann/ceph@{COMMIT}"
    assert hub_name(there.root) == ""


def test_a_pinned_commit_is_that_one_and_from_the_cache_needs_no_hub(there: Hub) -> None:
    lines: list[str] = []
    assert fetched(f"hf:ann/ceph@{OTHER}", lines.append) == there.root / OTHER
    assert "to get this one always" not in lines[0]
    there.monkeypatch.setattr(hub, "_FOLDERS", {})
    there.calls.clear()
    there.error = OSError("no network")
    assert fetched(f"hf:ann/ceph@{OTHER}", lines.append) == there.root / OTHER
    assert [call.get("local_files_only") for call in there.calls] == [True]


@pytest.mark.parametrize("how", ["offline", "unreachable"])
def test_without_a_network_the_cache_serves_else_the_error_says_how_to_do_without(there: Hub, how: str) -> None:
    there.is_up = how != "unreachable"
    there.monkeypatch.setattr(constants, "HF_HUB_OFFLINE", how == "offline")
    with pytest.raises(
        CheckpointError, match=r"not in the cache; download config\.json .* give the path of that folder"
    ):
        fetched("hf:ann/ceph", print)
    there.cached.add(COMMIT)
    lines: list[str] = []
    assert fetched("hf:ann/ceph", lines.append) == there.root / COMMIT
    assert "the copy in the cache is used" in lines[0]


def test_what_the_hub_answers_is_one_clear_error(there: Hub) -> None:
    there.error = OSError("403 Forbidden")
    with pytest.raises(CheckpointError, match=r"could not be fetched \(OSError: 403"):
        fetched("hf:ann/ceph", print)
    (there.root / COMMIT / "config.json").unlink()
    there.error = None
    with pytest.raises(CheckpointError, match="not a model that cephkit published"):
        fetched("hf:ann/ceph", print)


@pytest.mark.parametrize(
    "name",
    ["hf:ann", "hf:ann/ceph/more", "hf:../ceph", "hf:/ann/ceph", "hf:ann/ceph@", "hf:ann/ceph@a/../b", "hf:a b/c"],
)
def test_other_names_are_refused_before_anything_is_fetched(there: Hub, name: str) -> None:
    with pytest.raises(CheckpointError, match="not a name on the hub; write hf:owner/name"):
        fetched(name, print)
    assert there.calls == []


def test_a_name_is_known_on_windows_too_and_a_file_is_none() -> None:
    assert is_hub_name("hf:ann/ceph")
    assert is_hub_name(Path(PureWindowsPath("hf:ann/ceph")))
    assert PureWindowsPath("hf:ann/ceph@v1").as_posix() == "hf:ann/ceph@v1"
    assert not is_hub_name("model.pth")
    assert not is_hub_name(Path("runs/hf"))


class Api:
    """Stands in for ``HfApi``."""

    calls: list[tuple[str, dict[str, Any]]]
    error: Exception | None = None

    def __init__(self, **given: Any) -> None:
        assert "token" not in given

    def create_repo(self, repository: str, **given: Any) -> None:
        if Api.error is not None:
            raise Api.error
        Api.calls.append((repository, given))

    def upload_folder(self, **given: Any) -> Any:
        Api.calls.append(("upload", given))
        return type("Commit", (), {"commit_url": "https://hub/ann/ceph/commit/1"})


def test_a_repository_is_made_and_the_folder_uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(Api, "calls", [], raising=False)
    assert upload(tmp_path, "ann/ceph", private=True) == "https://hub/ann/ceph/commit/1"
    (made, given), (_, sent) = Api.calls
    assert (made, given) == ("ann/ceph", {"private": True, "exist_ok": True})
    assert (sent["repo_id"], sent["folder_path"]) == ("ann/ceph", tmp_path)
    assert set(sent["allow_patterns"]) == {"config.json", "model.safetensors", "model.onnx", "README.md"}
    monkeypatch.setattr(Api, "error", PermissionError("401 Unauthorized"))
    with pytest.raises(CephkitError, match=r"ann/ceph: not uploaded \(PermissionError: 401.* is complete"):
        upload(tmp_path, "ann/ceph")


def test_without_login_or_network_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(CephkitError, match="not logged in to the hub; run: hf auth login, or set HF_TOKEN"):
        check_login()
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "a token")
    monkeypatch.setattr("cephkit.models.pretrained.reachable", lambda url: False)
    with pytest.raises(CephkitError, match="cannot be reached; leave --repo out"):
        check_login()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CephkitError, match="HF_HUB_OFFLINE is set"):
        check_login()
