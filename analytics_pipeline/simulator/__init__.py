"""A seeded simulator: recorded session shapes, scaled to a platform's days.

It invents no session: every simulated session is a recording of `data/recordings/` with another
session id, video, provider and starting time. What it does invent is who comes, from where, when
and to which video (`population`, `schedule`); the proportions stand there, in tables.

Belongs here: shapes, population, schedule, frames for benchmarks, and a client that posts sealed
batches the way the browser SDK does. Does not belong here: anything of the pipeline behind the API.
"""

from analytics_pipeline.simulator.client import (
    Endpoint,
    PostSummary,
    post_sessions,
    post_sessions_async,
)
from analytics_pipeline.simulator.frame import simulate_frame
from analytics_pipeline.simulator.population import Video, Viewer, build_videos
from analytics_pipeline.simulator.sessions import SimulatedSession, simulate
from analytics_pipeline.simulator.shapes import Shape, load_shapes
from analytics_pipeline.simulator.spec import SimulationSpec
from analytics_pipeline.simulator.summaries import simulate_summaries

__all__ = [
    "Endpoint",
    "PostSummary",
    "Shape",
    "SimulatedSession",
    "SimulationSpec",
    "Video",
    "Viewer",
    "build_videos",
    "load_shapes",
    "post_sessions",
    "post_sessions_async",
    "simulate",
    "simulate_frame",
    "simulate_summaries",
]
