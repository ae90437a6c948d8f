"""What a node image of ours is put together from, as far as that can be told without making one."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from tests.cluster.programs import BUILD_FLAGS
from tests.kind import base, files, kubernetes, node_image

LDD = """\
\tlinux-vdso.so.1 (0x00007f1d5031c000)
\tlibxtables.so.12 => /lib/x86_64-linux-gnu/libxtables.so.12 (0x00007f1d5025d000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f1d5031e000)
/usr/lib/x86_64-linux-gnu/xtables/libxt_statistic.so:
\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f09eabc5000)
"""


def test_the_libraries_of_several_programs_are_read_and_the_programs_are_none_of_them() -> None:
    names = {path.name for path in kubernetes.linked(LDD)}

    assert names == {"libxtables.so.12", "ld-linux-x86-64.so.2", "libm.so.6"}


def test_the_version_that_kind_reads_is_the_one_that_the_binary_says() -> None:
    assert f"gitVersion={files.files()['kind/version']} " in BUILD_FLAGS[-1]


def test_settings_of_the_whole_machine_are_shown_to_the_node_and_not_changed() -> None:
    script = files.first()

    assert "show kernel/panic 10\n" in script
    assert 'show fs/file-max "$(cat /proc/sys/fs/file-max)"\n' in script
    assert script.endswith('exec /usr/local/bin/entrypoint "$@"\n')


def test_what_the_node_begins_with_is_in_the_image() -> None:
    assert f'ENTRYPOINT ["/{files.FIRST}", "/sbin/init"]' in node_image.import_command(Path("node.tar"))
    assert files.FIRST in files.files()


def test_kubelet_waits_for_the_images_that_nobody_can_pull() -> None:
    units = Path("etc/systemd/system")
    texts = files.files()
    (place,) = files.LINKS

    assert f"/{files.IMAGES}/*.tar" in texts[str(units / "images.service")]
    assert (
        "ExecStartPre=/bin/systemctl start images.service\n" in texts[str(units / "kubelet.service.d/20-images.conf")]
    )
    assert os.path.normpath(Path(place).parent / files.LINKS[place]) == str(units / "images.service")


def test_claims_of_the_cluster_find_volumes_whose_folders_the_image_brings() -> None:
    storage = list(yaml.safe_load_all(files.files()["kind/manifests/default-storage.yaml"]))
    (default,) = (each for each in storage if each["kind"] == "StorageClass")
    volumes = [each["spec"] for each in storage if each["kind"] == "PersistentVolume"]

    assert volumes
    assert {each["storageClassName"] for each in volumes} == {default["metadata"]["name"]}


@pytest.mark.parametrize(("name", "mode"), [("usr/local/bin/entrypoint", 0o755), ("etc/containerd/config.toml", 0o644)])
def test_kinds_files_keep_their_places_and_its_programs_can_be_run(tmp_path: Path, name: str, mode: int) -> None:
    source = tmp_path / "module" / name
    source.parent.mkdir(parents=True)
    source.write_text("of kind's module")
    source.chmod(0o444)

    base.take_files(tmp_path / "module", tmp_path / "root")

    copy = tmp_path / "root" / name
    assert copy.read_text() == "of kind's module"
    assert copy.stat().st_mode & 0o777 == mode


def test_a_base_is_made_anew_for_another_kind_and_for_another_machine() -> None:
    assert base.digest("amd64") != base.digest("arm64")
    assert re.fullmatch(r"[0-9a-f]{16}", base.digest("amd64"))
