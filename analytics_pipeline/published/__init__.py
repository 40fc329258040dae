"""Reading what is public: what every reader shares, whether command line, API or alarm.

Belongs here: records from a chain, bundles from IPFS, folders of both. Does not belong here: the
operator's catalogue, queue, warehouse or keys, and judging what was read (`core.verify`).
"""
