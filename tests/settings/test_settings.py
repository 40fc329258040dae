"""Settings are read in one place, refuse nonsense by name, and are documented as they are."""

from pathlib import Path

import pytest

from analytics_pipeline.core.errors import InvalidSettings
from analytics_pipeline.settings import (
    OTHER_VARIABLES,
    SETTINGS,
    load_settings,
    prepare_home,
    require_home,
    settings_table,
)

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


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ANALYTICS_CATALOGUE_URL", "foo"),
        ("ANALYTICS_CATALOGUE_URL", "mysql://user:secret@host/db"),
        ("ANALYTICS_REGISTRY", "0x12"),
        ("ANALYTICS_API_PORT", "65536"),
    ],
)
def test_bad_addresses_are_refused_without_repeating_a_password(variable: str, value: str) -> None:
    """A URL may hold credentials, so it is not quoted."""
    with pytest.raises(InvalidSettings) as caught:
        load_settings({variable: value})
    assert caught.value.field == variable
    assert "secret" not in str(caught.value)


def test_catalogue_on_postgres_may_name_its_driver() -> None:
    """All spellings that SQLAlchemy takes for the two kinds."""
    for url in ("postgresql://h/db", "postgresql+psycopg2://u:p@h/db", "sqlite:////tmp/c.sqlite"):
        assert load_settings({"ANALYTICS_CATALOGUE_URL": url}).catalogue_location == url


def test_misspelt_settings_are_refused_with_a_hint() -> None:
    """A setting nobody reads would be silently without effect."""
    with pytest.raises(InvalidSettings, match="did you mean ANALYTICS_PLATFORM"):
        load_settings({"ANALYTICS_PLATFROM": "x"})
    with pytest.raises(InvalidSettings, match=r"settings\.md"):
        load_settings({"ANALYTICS_ZZZZZZZZZZ": "x"})
    assert load_settings(dict.fromkeys(OTHER_VARIABLES, "x")).platform == "demo"


def test_home_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """Whatever the umask says; a folder that is there keeps its mode."""
    settings = load_settings({"ANALYTICS_HOME": str(tmp_path / "a" / "home")})
    with pytest.raises(InvalidSettings, match="no deployment in"):
        require_home(settings)
    prepare_home(settings)
    assert settings.home.stat().st_mode & 0o777 == 0o700
    settings.home.chmod(0o750)
    prepare_home(settings)
    assert settings.home.stat().st_mode & 0o777 == 0o750
    require_home(settings)


def test_home_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    """Naming setting and path."""
    (tmp_path / "file").touch()
    settings = load_settings({"ANALYTICS_HOME": str(tmp_path / "file" / "home")})
    with pytest.raises(InvalidSettings, match="ANALYTICS_HOME: cannot make the folder"):
        prepare_home(settings)
