"""The table of devices, and a user's own."""

import json
import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memscan.devices import KINDS, UNIFIED, Device, Devices, builtin
from memscan.errors import FormatError, UsageError
from memscan.item import Basis

OWN = {"name": "mine", "title": "My card", "marketed": "24GiB", "usable": "23.5GiB"}
RULED = {"name": "yours", "title": "Your card", "vendor": "NVIDIA", "marketed": "16GiB", "rule": "half"}
RULES = {"half": {"share": 0.5, "source": "a guess"}}


def raw(*devices: Mapping[str, object], **more: object) -> bytes:
    return json.dumps({"format": 1, "rules": RULES, "devices": devices or [OWN], **more}).encode()


def changed(**values: object) -> bytes:
    return raw({key: value for key, value in {**OWN, **values}.items() if value is not None})


class TestBuiltin:
    """The table that comes with memscan."""

    def test_it_has_the_devices_that_people_have(self) -> None:
        assert len(builtin()) >= 250
        assert {one.vendor for one in builtin()} == {"NVIDIA", "AMD", "Intel", "Apple", "Google"}
        names = (
            "b200 h200 h100 h100-pcie a100-40gb a100-80gb v100-16gb t4 l4 l40s a10g rtx-5090 rtx-4090 rtx-3060-12gb gb10 mi300x"
        )
        for name in [*names.split(), "rx-7900-xtx", "arc-b580", "gaudi3", "m3-max-36gb", "m5-16gb", "jetson-nano", "tpu-v5e"]:
            assert builtin().named(name).name == name

    def test_every_name_means_one_device(self) -> None:
        names = [name for one in builtin() for name in (one.name, *one.aliases)]
        assert sorted(names) == sorted(set(names))

    @pytest.mark.parametrize("one", list(builtin()), ids=lambda one: one.name)
    def test_every_device_is_sound(self, one: Device) -> None:
        assert one.kind in KINDS
        assert one.basis in (Basis.MEASURED, Basis.ASSUMED)
        assert one.source
        # Strix Halo's default is half of its memory, Apple's two thirds; a board has nearly all.
        assert (0.45 if one.kind == UNIFIED else 0.9) * one.marketed_bytes <= one.usable_bytes <= one.marketed_bytes
        size = re.search(r"-(\d+)gb$", one.name)
        assert size is None or one.marketed_bytes == int(size[1]) * 2**30

    @pytest.mark.parametrize(
        ("name", "gib"),
        [
            # Totals that torch printed in published out-of-memory errors, and Metal in published logs of llama.cpp.
            ("b200", 178.35), ("h200", 139.72), ("h100", 79.11), ("a100-80gb", 79.25), ("a100-40gb", 39.39), ("v100-16gb", 15.75),
            ("t4", 14.75), ("a10g", 22.06), ("l40s", 44.34), ("a40", 44.35), ("rtx-4090", 23.49), ("rtx-3090", 23.69),
            ("rtx-5090", 31.36), ("rtx-3060-12gb", 11.75), ("mi300x", 191.69), ("m1-16gb", 10.67), ("m1-max-64gb", 48.0),
        ],
    )  # fmt: skip
    def test_measured_devices_are_as_measured(self, name: str, gib: float) -> None:
        one = builtin().named(name)
        assert one.basis is Basis.MEASURED
        assert round(one.usable_bytes / 2**30, 2) == pytest.approx(gib, abs=0.011)

    def test_an_assumed_device_states_its_rule(self) -> None:
        one = builtin().named("l4")
        assert one.basis is Basis.ASSUMED
        assert one.source.startswith("0.916 of the marketed: NVIDIA with GDDR6")
        assert one.usable_bytes == 24 * 2**30 * 916 // 1000

    def test_rules_promise_no_more_than_the_devices_that_they_are_of(self) -> None:
        share = {one.name: one.usable_bytes / one.marketed_bytes for one in builtin()}
        assert share["l4"] <= min(share["a10"], share["a10g"], share["l40s"], share["a40"], share["t4"])
        assert share["rtx-4080"] <= min(
            share[name] for name in ("rtx-4090", "rtx-4070-ti", "rtx-3080-10gb", "rtx-3090", "rtx-5090")
        )
        assert share["rtx-5060"] <= min(share[name] for name in ("rtx-2060-6gb", "rtx-3070", "rtx-4060", "gtx-1660-ti"))
        assert share["h800"] <= min(share[name] for name in ("h100", "h200", "a100-80gb", "a100-40gb", "v100-16gb", "a30"))


class TestParse:
    """A user's own table."""

    def test_a_device_with_what_was_measured(self) -> None:
        (one,) = Devices.parse(raw(OWN), "own.json")
        assert (one.name, one.vendor, one.kind, one.aliases) == ("mine", "", "gpu", ())
        assert (one.marketed_bytes, one.usable_bytes) == (24 * 2**30, 47 * 2**29)
        assert (one.basis, one.source) == (Basis.MEASURED, "stated in own.json: devices[0] ('mine')")

    def test_a_device_with_a_rule(self) -> None:
        (one,) = Devices.parse(raw(RULED), "own.json")
        assert (one.usable_bytes, one.basis, one.source) == (8 * 2**30, Basis.ASSUMED, "0.5 of the marketed: a guess")

    def test_sizes_may_be_numbers_of_bytes(self) -> None:
        (one,) = Devices.parse(changed(marketed=100, usable=90), "own.json")
        assert (one.marketed_bytes, one.usable_bytes) == (100, 90)

    @pytest.mark.parametrize(
        ("broken", "message"),
        [
            (b"[]", "own.json is a list, expected a JSON object"),
            (b"{", "own.json is not JSON"),
            (raw(format=2), "own.json: format is 2, expected 1"),
            (raw(format=None), "own.json: format is None, expected 1"),
            (raw(device=[]), "own.json: unknown key 'device', expected devices, format, rules"),
            (raw(devices=[]), "own.json: devices has 0 entries, expected 1 to 10,000"),
            (raw(devices={"a": 1}), "own.json: 'devices' is an object ({'a': 1}), expected a list of objects"),
            (raw(rules={"half": {"share": 2}}), "own.json: rules: 'half' has the share 2, expected a number above 0 and up to 1"),
            (raw(rules={"half": {"share": True}}), "has the share True"),
            (raw(rules={"half": {}}), "has the share None"),
            (raw(rules={"half": 0.5}), "'half' is a number (0.5), expected an object"),
            (raw(OWN, OWN), "own.json: devices[1]: the name 'mine' stands twice in the table"),
            (raw(OWN, {**RULED, "aliases": ["mine"]}), "the name 'mine' stands twice"),
            (changed(name=None), "own.json: devices[0]: name is None, expected a text of 1 to 100 characters"),
            (changed(name="My Card"), "own.json: devices[0] ('My Card'): name holds 'My Card', expected lower-case words"),
            (changed(name="4x"), "name holds '4x'"),
            (changed(name="a" * 101), "expected a text of 1 to 100 characters"),
            (changed(name=7), "'name' is an integer (7), expected a string"),
            (changed(title=None), "own.json: devices[0] ('mine'): title is None"),
            (changed(usage="1GiB"), "own.json: devices[0] ('mine'): unknown key 'usage', expected aliases, kind, "),
            (changed(kind="tpu"), "kind is 'tpu', expected gpu, unified, ram"),
            (changed(aliases="mine2"), "'aliases' is a string ('mine2'), expected a list of strings"),
            (changed(aliases=["Mine"]), "aliases holds 'Mine'"),
            (changed(marketed=None), "own.json: devices[0] ('mine'): marketed: '' is not a size"),
            (changed(marketed="24G"), "own.json: devices[0] ('mine'): marketed: '24G' has two meanings"),
            (changed(usable=0), "usable is 0, expected more than none and at most"),
            (
                changed(marketed="24GB"),
                "usable is '23.5GiB', expected at most the marketed '24GB' (GB is 10^9 bytes, GiB is 2^30)",
            ),
            (changed(usable=-5), "usable is -5, expected more than none"),
            (changed(usable=2**70), "expected more than none and at most"),
            (changed(usable=1.5), "'usable' is a number (1.5), expected a string"),
            (changed(usable=True), "'usable' is a boolean (True), expected a string"),
            (changed(usable=None), "own.json: devices[0] ('mine'): expected either usable or rule"),
            (changed(rule="half"), "expected either usable or rule"),
            (raw({**RULED, "rule": "third"}), "rule is 'third', expected one of half"),
            (raw(RULED, rules={}), "rule is 'half', expected one of none: there are no rules"),
        ],
    )
    def test_what_breaks_the_format_is_named_with_its_entry_and_key(self, broken: bytes, message: str) -> None:
        with pytest.raises(FormatError) as caught:
            Devices.parse(broken, "own.json")
        assert message in str(caught.value)
        assert str(caught.value).isprintable()

    @given(
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3))
    )
    def test_any_value_anywhere_is_a_table_or_a_format_error(self, value: object) -> None:
        for key in (*OWN, "aliases", "kind", "rule", "vendor", "source"):
            message = ""
            try:
                assert len(Devices.parse(changed(**{key: value}), "own.json")) == 1
            except FormatError as error:
                message = str(error)
            assert message.isprintable()


def test_a_users_devices_take_the_place_of_those_of_the_same_name() -> None:
    own = Devices.parse(raw(OWN, {**OWN, "name": "rtx-4090"}), "own.json")
    both = builtin().extended_by(own)
    assert len(both) == len(builtin()) + 1
    assert both.named("rtx-4090").title == "My card"
    assert builtin().named("rtx-4090").title == "NVIDIA GeForce RTX 4090"


def test_a_name_that_the_table_does_not_have() -> None:
    with pytest.raises(UsageError, match=r"no device is called 'rtx-9090': `memscan devices` lists the names"):
        builtin().named("rtx-9090")
