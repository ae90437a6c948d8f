"""How a build reaches packages: the machine's settings are handed on, its paths are not."""

from pathlib import Path

import pytest

from tests.images.installer import CERTIFICATES, build_options, pip_configuration, pip_settings

LISTING = """\
global.cert='/etc/ssl/certs/ca-certificates.crt'
global.index-url='https://mirror.example/simple'
:env:.default-timeout='180'
:env:.find-links='/opt/wheels'
:env:.index-url='https://nearer.example/simple'
install.trusted-host='nearer.example'
"""


def test_only_what_says_where_packages_are_is_handed_on_and_the_environment_wins() -> None:
    assert pip_settings(LISTING) == {
        "index-url": "https://nearer.example/simple",
        "trusted-host": "nearer.example",
        "timeout": "180",
    }


def test_lines_that_are_no_settings_are_passed_over() -> None:
    assert pip_settings("WARNING: something\n\n") == {}


def test_a_configuration_names_the_certificates_where_the_build_is_given_them() -> None:
    assert pip_configuration({"timeout": "9"}, certificates=True) == f"[global]\ntimeout = 9\ncert = {CERTIFICATES}\n"
    assert "cert" not in pip_configuration({}, certificates=False)


def test_a_build_is_given_the_settings_as_secrets_and_the_proxy_as_predefined_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("")
    monkeypatch.setenv("PIP_CERT", str(bundle))
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")

    options = build_options(tmp_path)

    assert f"--secret=id=ca,src={bundle}" in options
    assert "--build-arg=https_proxy=http://proxy.example:3128" in options
    assert CERTIFICATES in (tmp_path / "pip.conf").read_text()
