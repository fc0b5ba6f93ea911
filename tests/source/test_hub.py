"""Who may read what, at which revision, and where a token goes."""

from pathlib import Path

import pytest

from memscan import scan
from memscan.errors import GatedError, MemscanError, NotFoundError, TargetError, TokenError, UsageError
from tests.hub import STRANGER, Fault, LoopbackHub, Repository, Revision
from tests.runner import run_memscan

from .models import CONFIG, NBYTES, sharded_files, single, weights

READER = "hf_reader_token"
SECRET = "hf_s3cret_token"
FILES = {"model.safetensors": weights("a"), "config.json": CONFIG}
READERS = frozenset({READER})


def gated(hub: LoopbackHub, files: dict[str, bytes | Path] | None = None) -> str:
    """A gated repository."""
    hub.add_repository(Repository(repo_id="org/gated", files=files or FILES, gated="manual", readers=READERS))
    return "org/gated"


def private(hub: LoopbackHub) -> str:
    """A private repository."""
    hub.add_repository(Repository(repo_id="org/private", files=FILES, private=True, readers=READERS))
    return "org/private"


def refusal(target: str, kind: type[MemscanError], **options: str) -> str:
    """The message of the error that a scan ends with."""
    with pytest.raises(MemscanError) as refused:
        scan(target, **options)
    assert refused.type is kind, str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("files", [FILES, sharded_files(3)], ids=["single", "sharded"])
def test_gated_without_a_token(hub: LoopbackHub, files: dict[str, bytes | Path]) -> None:
    message = refusal(gated(hub, files), GatedError)
    assert message.startswith("org/gated is gated and no token was given")
    assert f"{hub.endpoint}/org/gated" in message
    assert "HF_TOKEN" in message


@pytest.mark.parametrize("files", [FILES, sharded_files(3)], ids=["single", "sharded"])
def test_gated_with_a_token_that_has_no_access(hub: LoopbackHub, files: dict[str, bytes | Path]) -> None:
    message = refusal(gated(hub, files), GatedError, token=STRANGER)
    assert "the token has no access to it" in message
    assert f"ask for access at {hub.endpoint}/org/gated" in message


@pytest.mark.parametrize("files", [FILES, sharded_files(3)], ids=["single", "sharded"])
def test_gated_with_access(hub: LoopbackHub, files: dict[str, bytes | Path]) -> None:
    shards = sum(name.endswith(".safetensors") for name in files)
    assert scan(gated(hub, files), token=READER).model.checkpoint.nbytes == shards * NBYTES


def test_private(hub: LoopbackHub) -> None:
    target = private(hub)
    anonymous, stranger = refusal(target, NotFoundError), refusal(target, NotFoundError, token=STRANGER)
    assert "org/private was not found" in anonymous
    assert "HF_TOKEN" in anonymous
    assert "the token can read it" in stranger
    assert scan(target, token=READER).model.checkpoint.nbytes == NBYTES


@pytest.mark.parametrize("target", ["org/nowhere", "nowhere", "hf://org/nowhere/model.safetensors"])
def test_not_found(hub: LoopbackHub, target: str) -> None:
    message = refusal(target, NotFoundError)
    assert "nowhere was not found on 127.0.0.1" in message
    assert "gated" not in message
    assert "private" in message


def test_renamed(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="new/name", files=FILES, aliases=("old/name", "legacy")))
    for target in ("old/name", "legacy", "NEW/NAME", "hf://old/name/model.safetensors"):
        origin = scan(target).model.origin
        assert (origin.requested, origin.name, origin.repo_id) == (target, "new/name", "new/name")


def test_disabled(hub: LoopbackHub) -> None:
    hub.add_repository(Repository(repo_id="org/disabled", files=FILES, disabled=True))
    assert "org/disabled is disabled" in refusal("org/disabled", TargetError)


def test_a_token_that_nobody_has(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    message = refusal("org/single", TokenError, token=SECRET)
    assert "refused the token as invalid" in message
    assert SECRET not in message


@pytest.mark.parametrize("token", ["", " ", "hf_a b", "hf_ä", "hf_a\nb", "hf_a\r\nX: y"])
def test_what_is_no_token(hub: LoopbackHub, token: str) -> None:
    hub.add_repository(single())
    message = refusal("org/single", UsageError, token=token)
    assert "HF_TOKEN or --token" in message
    assert hub.requests == ()


@pytest.mark.parametrize("revision", ["nope", "refs/pr/9", "0" * 40, "abcdef0", "a/../b", "%2e%2e", "#", "?x=1"])
def test_a_revision_that_is_not_there(hub: LoopbackHub, revision: str) -> None:
    hub.add_repository(single())
    message = refusal("org/single", NotFoundError, revision=revision)
    assert f"has no revision {revision!r}" in message
    assert f"{hub.endpoint}/org/single/branches" in message


def test_every_kind_of_revision(hub: LoopbackHub) -> None:
    def revision(digit: str, *names: str) -> Revision:
        return Revision(commit=digit * 40, files={"model.safetensors": weights(*names)})

    repository = hub.add_repository(
        Repository(
            repo_id="org/name",
            files=FILES,
            branches={
                "feature/x#1": revision("b", "a", "b"),
                "a%2Fb": revision("e", *"abcde"),
                "refs/pr/4": revision("c", *"abc"),
            },
            tags={"v1.0": revision("d", *"abcd")},
        )
    )
    expected = {
        "main": (repository.commit, 1), repository.commit: (repository.commit, 1), repository.commit[:7]: (repository.commit, 1),
        "feature/x#1": ("b" * 40, 2), "refs/pr/4": ("c" * 40, 3), "v1.0": ("d" * 40, 4), "dddddddd": ("d" * 40, 4),
        "a%2Fb": ("e" * 40, 5),
    }  # fmt: skip
    for name, (commit, tensors) in expected.items():
        for target, options in ((f"org/name@{name}", {}), ("org/name", {"revision": name})):
            model = scan(target, **options).model
            assert (model.origin.revision, model.origin.commit) == (name, commit)
            assert model.checkpoint.nbytes == tensors * NBYTES


def test_a_file_that_is_not_there(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    assert "no file or folder 'nope.safetensors'" in refusal("hf://org/single/nope.safetensors", NotFoundError)
    assert len(hub.requests) == 1


def test_names_that_must_be_quoted(hub: LoopbackHub) -> None:
    name = "sub dir/ä #1 100%?.safetensors"
    hub.add_repository(Repository(repo_id="org/odd", files={name: weights("a"), "sub dir/config.json": CONFIG}))
    assert scan("hf://org/odd/" + name).model.checkpoint.nbytes == NBYTES


def test_an_expired_signature_is_renewed(hub: LoopbackHub) -> None:
    hub.add_repository(single(file=weights("a", elements=100_000, header=150_000)))
    # A fault that spoils nothing takes the first request to the CDN, so that the next one suffers from the second.
    hub.add_fault(Fault(match="cdn", kind="slow", piece=1_000_000, times=1))
    hub.add_fault(Fault(match="cdn", kind="status", status=403, times=1))
    assert scan("org/single").model.checkpoint.nbytes == 400_000
    assert [record.status for record in hub.requests if "config" not in record.path] == [200, 302, 206, 403, 302, 206]


# --- where a token goes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", [FILES, sharded_files(3)], ids=["single", "sharded"])
def test_a_token_goes_to_the_hub_only(hub: LoopbackHub, files: dict[str, bytes | Path]) -> None:
    scan(gated(hub, files), token=READER)
    hub.add_fault(Fault(match="safetensors-metadata", kind="status", status=404))
    scan("org/gated", token=READER, revision="main")
    origins = {record.origin for record in hub.requests}
    assert origins == {"hub", "cdn"}
    for record in hub.requests:
        assert (record.headers.get("authorization") == f"Bearer {READER}") is (record.origin == "hub")
        assert READER not in record.path
        assert sum(READER in value for value in record.headers.values()) == (record.origin == "hub")


def test_a_token_does_not_go_to_a_plain_url(hub: LoopbackHub) -> None:
    url = hub.add_file("x.safetensors", weights("a"))
    assert scan(url, token=STRANGER).model.checkpoint.nbytes == NBYTES
    assert [record.headers.get("authorization") for record in hub.requests] == [None]


def test_a_token_does_not_go_to_another_port_or_scheme(hub: LoopbackHub) -> None:
    hub.add_repository(single())
    with LoopbackHub([single()]) as other:
        hub.add_fault(Fault(match="resolve", kind="redirect", location=f"{other.endpoint}/org/single/resolve/main/config.json"))
        with pytest.raises(MemscanError):
            scan("org/single", token=STRANGER)
        assert other.requests
        assert not any("authorization" in record.headers for record in other.requests)


def test_a_token_from_the_environment(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    target = private(hub)
    monkeypatch.setenv("HF_TOKEN", READER)
    assert scan(target).model.checkpoint.nbytes == NBYTES
    refusal(target, NotFoundError, token=STRANGER)  # the one that is given wins


def test_a_token_from_the_file_that_login_writes(hub: LoopbackHub, tmp_path: Path) -> None:
    target = private(hub)
    (tmp_path / "token").write_text(READER + "\n")
    assert run_memscan(hub, target, env={"HF_HOME": str(tmp_path)}).code == 0


def test_a_token_that_must_not_be_sent_by_itself(hub: LoopbackHub) -> None:
    target = private(hub)
    env = {"HF_TOKEN": READER, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    assert run_memscan(hub, target, env=env).code == 3
    assert not any("authorization" in record.headers for record in hub.requests)
    assert run_memscan(hub, target, "--token", READER, env=env).code == 0


def test_a_token_from_standard_input(hub: LoopbackHub) -> None:
    target = private(hub)
    assert run_memscan(hub, target, "--token", "-", stdin=f"{READER}\n").code == 0
    empty = run_memscan(hub, target, "--token", "-")
    assert (empty.code, empty.stderr) == (2, "memscan: --token - found no token on standard input\n")


@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_token_is_never_shown(hub: LoopbackHub, how: str) -> None:
    hub.add_repository(single())
    hub.tokens[SECRET] = "me"
    hub.add_fault(Fault(match="config.json", kind="status", status=403, headers={"X-Error-Message": "no"}))
    given = ["--token", SECRET] if how == "option" else []
    env = {"HF_TOKEN": SECRET, "HF_DEBUG": "1"} if how == "environment" else {"HF_HUB_VERBOSITY": "debug"}
    for target in ("org/single", "org/nowhere", "org/name@nope", "./nowhere"):
        run = run_memscan(hub, target, *given, "--debug", env=env)
        assert run.code in (3, 4)
        assert SECRET not in run.stdout + run.stderr


def test_a_token_that_cannot_be_sent_is_not_shown_either(hub: LoopbackHub) -> None:
    run = run_memscan(hub, "org/single", "--token", SECRET + "ä", "--debug")
    assert run.code == 2
    assert SECRET not in run.stdout + run.stderr
