"""How the viewers of an API key are counted: by a daily pseudonym, or by their own devices.

    standard   the API works out a pseudonym of the request; devices send what the player did
    high       nothing is worked out of the request; devices send their own bounded daily summaries

Belongs here: which events belong to which model, and what stands for the viewer of a summary. Does
not belong here: pseudonyms (`ingest.client`) and what devices count (`sdk/src/aggregate.ts`).
"""

from hashlib import sha256
from typing import Final, Literal

ViewerModel = Literal["standard", "high"]
STANDARD: Final = "standard"
HIGH: Final = "high"

_HEX_DIGITS: Final = 32


def is_expected(model: ViewerModel, event_type: str) -> bool:
    """Whether a key of this model may send events of this type: high ones send nothing but
    summaries, standard ones everything else."""
    return (model == HIGH) == (event_type == "summary")


def summary_viewer(project: str, session_id: str) -> str:
    """What stands for the viewer of a summary: its device's random number for the day, in the shape
    of a pseudonym (32 hex digits).

    The hash hides nothing, the number stands beside it: it keeps the two kinds of viewer from ever
    being equal by chance of form.
    """
    digest = sha256(f"viewership-summary/1\n{project}\n{session_id}".encode())
    return digest.hexdigest()[:_HEX_DIGITS]
