"""Properties hold on a busy machine too: no example is failed for the time it took."""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
