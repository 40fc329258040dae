"""HTTP answers of routes: bytes, media type and how long they stay true.

Belongs here: the forms that routes answer in. Does not belong here: ETags, compression and keeping
answers (`serve.front`), which read the Cache-Control set here.
"""

from typing import Final

from fastapi import Response

from analytics_pipeline.serve.documents import encode

#: true until the next release; browsers ask again after a minute
CURRENT: Final = "max-age=60, must-revalidate"
#: about one superseded revision
IMMUTABLE: Final = "max-age=31536000, immutable"
#: true until the chain is read again
MOMENTARY: Final = "no-cache"
#: kept by nobody
UNKEPT: Final = "no-store"


def json_answer(document: object, caching: str = CURRENT, link: str | None = None) -> Response:
    """A document as JSON; `link` is the address of the next page."""
    return raw_answer(encode(document), "application/json", caching, link)


def raw_answer(
    body: bytes, media_type: str, caching: str = CURRENT, link: str | None = None
) -> Response:
    """Bytes as they are."""
    headers = {"cache-control": caching}
    if link is not None:
        headers["link"] = f'<{link}>; rel="next"'
    return Response(body, media_type=media_type, headers=headers)
