"""What a contract of ours refused, as an error of ours.

Belongs here: from custom errors to exceptions. The errors themselves are in contracts/src.
"""

from analytics_pipeline.chain.abi import UNKNOWN_ERROR, checker_abi, honk_abi, registry_abi
from analytics_pipeline.chain.interface import CallReverted
from analytics_pipeline.core.errors import NotPublisher, PipelineError, RecordRefused, StaleHead


def refusal(error: CallReverted) -> PipelineError:
    """The custom error of one of our contracts as ours."""
    for abi in (registry_abi(), honk_abi(), checker_abi()):
        name, arguments = abi.error(error.data)
        if name != UNKNOWN_ERROR:
            break
    detail = ", ".join(
        f"{key} 0x{value.hex()}" if isinstance(value, bytes) else f"{key} {value}"
        for key, value in arguments.items()
    )
    if name == "StaleHead":
        return StaleHead(f"somebody appended first: {detail}")
    if name == "NotPublisher":
        return NotPublisher(f"the account holds no publisher role here: {detail}")
    return RecordRefused(name, detail)
