"""The process that test_agent.py kills: a real agent."""

from __future__ import annotations

from auditwatch.runtime.agent import Agent
from auditwatch.runtime.agentsettings import AgentSettings


def work(settings: dict[str, object]) -> None:
    """Read and post until killed."""
    Agent(AgentSettings.model_validate(settings)).run()
