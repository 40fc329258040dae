"""Which country an address belongs to, from a local mmdb file; nothing leaves the machine.

Belongs here: opening the database and looking up. The file that ships with the project stands
beside this module with its licence (`NOTICE.md`). Does not belong here: deciding which address a
request came from (`ingest.client`). Addresses are looked up and forgotten: nothing is cached.
"""

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final

import maxminddb

from analytics_pipeline.core.errors import InvalidSettings
from analytics_pipeline.core.regions import REGIONS, UNKNOWN_REGION

SHIPPED_DATABASE: Final = Path(__file__).with_name("dbip-country-lite.mmdb")
_REGIONS: Final = frozenset(REGIONS)

Address = IPv4Address | IPv6Address


class CountryDatabase:
    """A country database in mmdb form (DB-IP Lite's or GeoLite2's record layout)."""

    def __init__(self, path: Path = SHIPPED_DATABASE) -> None:
        """Map the file into memory. Raises InvalidSettings if it is no mmdb file."""
        try:
            self._reader = maxminddb.open_database(path)
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            reason = "no such file" if isinstance(error, FileNotFoundError) else "not an mmdb file"
            raise InvalidSettings("ANALYTICS_COUNTRY_DB", f"{path}: {reason}") from None
        self._has_ipv6 = self._reader.metadata().ip_version == 6

    def country_of(self, address: Address) -> str:
        """ISO 3166-1 alpha-2 code of `address`; ``ZZ`` where the database knows none, or one
        that is not among `core.regions` (such as XK)."""
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
            if isinstance(address, IPv6Address) and not self._has_ipv6:
                return UNKNOWN_REGION
        record = self._reader.get(address)
        if not isinstance(record, dict):
            return UNKNOWN_REGION
        country = record.get("country")
        code = country.get("iso_code") if isinstance(country, dict) else record.get("country_code")
        return code if isinstance(code, str) and code in _REGIONS else UNKNOWN_REGION

    def close(self) -> None:
        """Unmap the file."""
        self._reader.close()
