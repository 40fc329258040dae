"""The sealer: a worker that turns queued, sealed batches into encrypted segments on IPFS.

    peek ─→ open (memory only) ─→ validate ─→ de-duplicate ─→ one segment per platform and day
         ─→ write down the pins ─→ pin ─→ ONE catalogue transaction ─→ delete from the queue

Killed anywhere, it starts over from the queue: before the transaction nothing counts, after it the
batches are known and are only deleted. It holds the private keys and listens on no port.

    opening.py  batches → events and their fate      rounds.py  one round, start to end
    lock.py     one sealer at a time                 worker.py  rounds until told to stop
"""
