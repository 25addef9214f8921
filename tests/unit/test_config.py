"""Configuration: flags over environment over file over default; a bad value is named with an example."""

from pathlib import Path

import pytest

from footfall.config import Config, read_config
from footfall.errors import SettingInvalidError


def test_flags_win_over_environment_over_file_over_default(tmp_path: Path) -> None:
    (tmp_path / "footfall.toml").write_text('port = 1\nhost = "file"\nlog_level = "debug"\nevent_id_days = 3\n')
    environment = {"FOOTFALL_DATA": str(tmp_path), "FOOTFALL_PORT": "2", "FOOTFALL_HOST": "environment"}
    read = read_config({"port": 3, "host": None}, environment)
    assert read == Config(data=tmp_path, port=3, host="environment", log_level="debug", event_id_days=3, log_format="console")


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    assert read_config({"data": tmp_path}, {}) == Config(data=tmp_path)


def test_proxies_are_addresses_and_networks(tmp_path: Path) -> None:
    given = "127.0.0.1, 10.0.0.0/8,fd00::/8"
    assert read_config({"data": tmp_path}, {"FOOTFALL_TRUSTED_PROXIES": given}).trusted_proxies == given


@pytest.mark.parametrize(
    ("name", "value"),
    [("port", "http"), ("port", "70000"), ("port", "-1"), ("event_id_days", "0"), ("event_id_days", "week"),
     ("address", "events.shop.example"), ("address", "https://events.shop.example/path"), ("address", "ftp://shop.example"),
     ("trusted_proxies", "caddy"), ("trusted_proxies", "127.0.0.1,"), ("trusted_proxies", "*"),
     ("trusted_proxies", "10.0.0.1/8"), ("log_level", "loud"), ("log_format", "xml")],
)  # fmt: skip
def test_a_bad_value_is_refused_with_the_settings_name_and_what_it_must_be(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingInvalidError, match=rf"Setting {name} \(FOOTFALL_{name.upper()}\) is .* It must be"):
        read_config({"data": tmp_path, name: value}, {})


def test_an_unknown_setting_in_the_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "footfall.toml").write_text("prot = 1\n")
    with pytest.raises(SettingInvalidError, match="unknown setting 'prot'"):
        read_config({"data": tmp_path}, {})


def test_a_file_that_is_no_toml_is_refused_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "footfall.toml").write_text("port = = 1\n")
    with pytest.raises(SettingInvalidError, match=r"footfall\.toml can't be read"):
        read_config({"data": tmp_path}, {})
