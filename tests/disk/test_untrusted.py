"""One reader of bytes that somebody else may have written: what it refuses, and that the rest of the store goes on."""

import io
import json
import os
import shutil
import zipfile

import numpy as np
import pytest
from hostile import no_file

from mesa_core.cli import main
from mesa_core.disk import archives, leases, untrusted
from mesa_core.disk.files import read_arrays, read_json
from mesa_core.disk.untrusted import MOST_DEPTH, Refused, parse_json
from mesa_core.store import MOST_EVENTS, Reader, Run, Store, StoreError, compact
from mesa_core.store.shipped import shipped_sweep
from tests.attacks.bad_files import npy

POSIX = pytest.mark.skipif(os.name == "nt", reason="made with POSIX calls")


@POSIX
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "socket", "sparse"])
def test_only_regular_files_of_a_stated_size_are_opened(tmp_path, kind):
    path = tmp_path / "x.json"
    no_file(path, kind)
    for read in (untrusted.read_json, lambda p: untrusted.digest(p, 10**6), archives.read_npz):
        with pytest.raises(Refused, match="larger than" if kind == "sparse" else kind):
            read(path)
    with pytest.raises(StoreError, match=r"^x\.json of .* cannot be read: it is"):
        read_json(path)


def test_a_link_to_a_file_is_followed(tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "b.json").symlink_to("a.json")
    assert untrusted.read_json(tmp_path / "b.json") == [1]


def test_a_file_of_just_the_stated_size_is_read(tmp_path):
    (tmp_path / "a").write_bytes(bytes(100))
    assert len(untrusted.read_bytes(tmp_path / "a", 100)) == 100
    assert untrusted.digest(tmp_path / "a", 100)
    for read in (untrusted.read_bytes, untrusted.digest):
        with pytest.raises(Refused, match="larger"):
            read(tmp_path / "a", 99)


@pytest.mark.parametrize(
    "text", ["Infinity", '{"n": -Infinity}', "NaN", "1e999", "9" * 20, "-" + "9" * 5000, "[" * 5000 + "]" * 5000, "[" * 5000,
             '{"a":' * 900 + "1" + "}" * 900, "", "{", "\ufeff{}", b"\xff\xfe"],
)  # fmt: skip
def test_json_is_finite_shallow_and_of_sixty_four_bits(text):
    with pytest.raises(Refused):
        parse_json(text)


def test_json_that_programs_write_is_read():
    whole = {"a": [1.5, -(2**63) + 1, 2**63 - 1, None, True, "[" * 100 + "\u2028"], "b": {}}
    assert parse_json(json.dumps(whole)) == whole
    assert parse_json("[" * MOST_DEPTH + "]" * MOST_DEPTH)
    with pytest.raises(Refused, match="deeper"):
        parse_json("[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1))


@pytest.mark.parametrize("one", ["[]", "{}", "1"])
def test_a_document_of_very_many_small_values_is_not_built(one):
    few = untrusted.MOST_VALUES // 3
    assert len(parse_json(f"[{','.join([one] * few)}]")) == few
    with pytest.raises(Refused, match="values"):
        parse_json(f"[{','.join([one] * (3 * few + 3))}]")


# -- arrays
def packed(path, *bodies, how=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", how) as archive:
        for number, body in enumerate(bodies):
            archive.writestr(f"a{number}.npy", body)
    return path


def test_arrays_come_back_as_they_were_written(tmp_path):
    kinds = [
        np.arange(6).reshape(2, 3),
        np.float16([1.5]),
        np.zeros((0, 4)),
        np.int64(3),
        np.array(["ä", "bc"]),
        np.array([True]),
    ]
    kinds.append(np.asfortranarray(np.random.default_rng(0).random((3, 5))))
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **{f"k{i}": kind for i, kind in enumerate(kinds)})
        read = archives.read_npz(tmp_path / "a.npz")
        assert all(np.array_equal(read[f"k{i}"], kind) for i, kind in enumerate(kinds))
        assert all(read[f"k{i}"].dtype == kind.dtype for i, kind in enumerate(kinds))
        read["k0"][0, 0] = 9  # and may be changed


def test_a_packed_archive_that_unpacks_to_gigabytes_is_refused_unread(tmp_path):
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w", force_zip64=True) as file,
    ):
        file.write(npy("(268435456,)", "'|u1'", b""))
        for _ in range(256):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(Refused, match="more than 64 MiB"):
        archives.read_npz(path)


@pytest.mark.parametrize(
    ("shape", "kind", "data"),
    [("(2**40,)", "'<f4'", b""), ("(1099511627776,)", "'<f4'", b""), ("(-4,)", "'<f4'", b""), ("(4,)", "'|O'", bytes(32)), ("(4,)", "'<f4'", bytes(15)),
     ("(4,)", "'<f4'", bytes(17)), ("(1,)", "[('a','|O')]", bytes(8)), ("(1,)", "'<U1'", b"\xff\xff\xff\xff"), ("(0, 1099511627776)", "'|V9'", b""),
     ("(1,)*99", "'<f4'", b""), ("(1,)", "'nonsense'", b"")],
)  # fmt: skip
def test_odd_headers_of_arrays_are_refused(tmp_path, shape, kind, data):
    with pytest.raises(Refused):
        archives.read_npz(packed(tmp_path / "a.npz", npy(shape, kind, data)))
    good = archives.read_npz(packed(tmp_path / "b.npz", npy("(4,)", "'<f4'", bytes(16))))
    assert good["a0"].tolist() == [0, 0, 0, 0]


def test_very_many_members_and_other_ways_to_pack_are_refused(tmp_path):
    body = npy("(0,)", "'<f4'", b"")
    for path in (packed(tmp_path / "a.npz", *[body] * 5000), packed(tmp_path / "b.npz", body, how=zipfile.ZIP_LZMA)):
        with pytest.raises(Refused):
            archives.read_npz(path)
    with pytest.raises(StoreError, match="cannot be read"):
        read_arrays(packed(tmp_path / "c.npz", body, how=zipfile.ZIP_BZIP2))


# -- a store with one bad run
@pytest.fixture
def two(tmp_path, monkeypatch) -> Store:
    monkeypatch.setenv("MESA_LAB_HOME", str(tmp_path))
    store = Store(tmp_path)
    source = next(p for p in sorted(shipped_sweep().iterdir()) if p.is_dir())
    for name in ("good", "bad"):
        shutil.copytree(source, store.runs / name)
    return store


def bad_pipe(run):
    (run / "config.json").unlink()
    os.mkfifo(run / "config.json")


DAMAGES = {
    "a pipe for the settings": bad_pipe,
    "null settings": lambda run: (run / "config.json").write_text('{"config": null}'),
    "settings of null": lambda run: (run / "config.json").write_text("null"),
    "a damaged result": lambda run: (run / "result.json").write_text('{"before": '),
    "a result of null": lambda run: (run / "result.json").write_text("null"),
    "a result without end": lambda run: ((run / "result.json").unlink(), (run / "result.json").symlink_to("/dev/zero")),
    "events without end": lambda run: os.truncate(run / "events.jsonl", MOST_EVENTS + 1),
}


@POSIX
@pytest.mark.parametrize("damage", DAMAGES)
def test_one_bad_run_is_one_line_of_the_list(two, damage, capsys):
    from dashboard.serving import runs

    DAMAGES[damage](two.runs / "bad")
    assert main(["runs"]) == 0
    lines = sorted(capsys.readouterr().out.splitlines())
    assert len(lines) == 2
    assert lines[0].startswith("damaged      bad (")
    assert lines[1] == "finished     good"
    assert "good" in [run.name for run, _, _ in runs.finished()]
    if "events" not in damage:
        assert "damaged: " in runs.label(Run(two.runs / "bad"))
    assert "damaged" not in runs.label(Run(two.runs / "good"))


@pytest.mark.parametrize("text", ['{"config": null}', '{"before": {"asr": 3}}', '{"submodels": [null], "config": {}}'])
def test_a_result_of_another_shape_is_one_sentence_on_the_command_line(two, text, capsys):
    (two.runs / "bad" / "result.json").write_text(text)
    assert main(["runs", "bad"]) != 0
    assert "result.json of bad does not hold a result" in capsys.readouterr().err
    assert main(["runs", "good"]) == 0


@pytest.mark.parametrize(
    "line", ['{"n": Infinity}', '{"n": 1e999}', '{"n": ' + "9" * 30 + "}", "[" * 5000 + "]" * 5000, '{"n": NaN}']
)
def test_odd_numbers_in_events_hurt_nobody(two, line):
    run = Run(two.runs / "bad")
    (run.path / "result.json").unlink()
    before = run.events()
    with open(run.path / "events.jsonl", "a") as file:
        file.write(line + "\n")
    assert run.state() == "interrupted"
    assert run.events() == before
    assert len(Reader(run.path / "events.jsonl").events()) == len(before)
    with run.lease() as writer:
        assert writer.next > 0


def test_one_endless_line_of_events_is_passed_over(two):
    run = two.open("bad")
    with open(run.path / "events.jsonl", "a") as file:
        file.write('{"n": 9998, "type": "Note", "text": "%s"}\n' % ("x" * 300_000))
        file.write('{"n": 9999, "type": "Note", "text": "after it"}\n')
    assert [number for number, _ in run.events()][-1] == 9999
    assert 9998 not in [number for number, _ in run.events()]


@pytest.mark.parametrize("pid", ["9" * 20, "-1", "0", "4294967296", "Infinity", '"x"', "null"])
def test_a_number_that_no_process_has_hurts_nobody(two, pid):
    lease = two.runs / "bad" / "lease.json"
    lease.write_text(json.dumps({"where": leases.machine()})[:-1] + f', "pid": {pid}}}')
    assert leases.held(lease)  # somebody may just be writing it
    os.utime(lease, (1, 1))
    assert not leases.held(lease)
    assert not leases.process_lives(10**20)
    assert leases.process_lives(os.getpid())


def test_a_manifest_and_a_run_without_end_are_refused(two):
    with open(two.runs / "good" / "big.bin", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(StoreError, match="larger than"):
        compact.digest(two.runs / "good")
    (two.runs / "manifest.json").write_text("[" * 5000 + "]" * 5000)
    with pytest.raises(StoreError, match="deeper"):
        compact.manifest(two.runs)


def test_the_end_of_an_archive_is_looked_at_before_its_list(tmp_path):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.npy", npy("(0,)", "'<f4'", b""))
        archive.comment = b"PK\x05\x06" + bytes(30)
    (tmp_path / "a.npz").write_bytes(held.getvalue())
    with pytest.raises(Refused):
        archives.read_npz(tmp_path / "a.npz")
