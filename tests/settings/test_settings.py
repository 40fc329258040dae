"""Settings are read in one place, refuse nonsense by name, and are documented as they are."""

from pathlib import Path

import pytest

from analytics_pipeline.core.errors import InvalidSettings
from analytics_pipeline.settings import SETTINGS, load_settings, settings_table

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def test_defaults_need_no_environment() -> None:
    """A deployment on embedded defaults sets nothing at all."""
    settings = load_settings({})
    assert settings.platform == "demo"
    assert settings.home.is_absolute()
    assert settings.catalogue_location.startswith("sqlite:///")


def test_home_moves_every_embedded_store(tmp_path: Path) -> None:
    """ANALYTICS_HOME is the root of all embedded state."""
    settings = load_settings({"ANALYTICS_HOME": str(tmp_path)})
    for place in (settings.keys_dir, settings.queue_path, settings.raw_dir, settings.outbox_path):
        assert place.is_relative_to(tmp_path)
    assert str(tmp_path) in settings.ipfs_location
    assert str(tmp_path) in settings.chain_location


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ANALYTICS_API_PORT", "eighty"),
        ("ANALYTICS_API_PORT", "-1"),
        ("ANALYTICS_CONFIRMATIONS", "0"),
        ("ANALYTICS_RATE_LIMIT", "1.5"),
        ("ANALYTICS_PLATFORM", "two words"),
    ],
)
def test_bad_values_are_refused_by_name(variable: str, value: str) -> None:
    """The error names the variable, so that the operator knows what to change."""
    with pytest.raises(InvalidSettings) as caught:
        load_settings({variable: value})
    assert caught.value.field == variable


def test_document_lists_exactly_these_settings() -> None:
    """docs/settings.md carries the generated table; regenerate it when a setting changes."""
    assert settings_table() in DOCUMENT.read_text()
    assert len({setting.variable for setting in SETTINGS}) == len(SETTINGS)
