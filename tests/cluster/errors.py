"""What goes wrong with a test cluster, in words that say what to do about it."""


class ClusterError(Exception):
    """A test cluster cannot be built, started or used; the text names the fix."""


class KubectlError(ClusterError):
    """kubectl ended with an error; `stderr` is what it said."""

    def __init__(self, *, command: str, code: int, stderr: str) -> None:
        super().__init__(f"{command}: exit code {code}\n{stderr.strip()}")
        self.code = code
        self.stderr = stderr


class NotInTimeError(ClusterError, AssertionError):
    """What was waited for did not happen: of a command of people a message, of a test a failure."""

    def __init__(self, what: str, *, seconds: float) -> None:
        super().__init__(f"{what} did not happen within {seconds:.0f} s; a busy machine may need another try")
