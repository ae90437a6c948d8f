"""What kubectl and helm of a test get of the person's environment."""

from pathlib import Path

from tests.cluster.kubectl import environment


def test_caches_and_settings_of_the_person_stay_out_and_the_rest_is_kept() -> None:
    given = {"PATH": "/bin", "HELM_CACHE_HOME": "/x", "XDG_CACHE_HOME": "/x", "KUBECACHEDIR": "/x", "HOME": "/root"}

    found = environment(given, kubeconfig=Path("/config"), home=Path("/cluster"))

    assert found == {"PATH": "/bin", "KUBECONFIG": "/config", "HOME": "/cluster"}
