"""The ingestion API: the only process of a deployment that faces the internet.

Belongs here: HTTP, access, what is worked out of a request and then forgotten (country, pseudonym),
the group commit. Does not belong here: opening batches or any private key; this process cannot read
what browsers sealed. The wire format is `spec/ingest.md`.
"""
