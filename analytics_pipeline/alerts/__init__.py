"""The alerts process: looks at what is published, as a stranger, and calls who asked to be called.

    read records ─→ verify new days ─→ decide each rule ─→ ONE transaction: decision and call
                 ─→ sign and make the calls that are due ─→ write down what became of them

Killed anywhere, it starts over: a decision that is not stored is made again from the same released
figures, a call that is not known to be taken is made again under the same id. It reads the chain,
IPFS and its own rules, holds no key that opens anything, and listens on no port.

    days.py       days, read and verified     calling.py   one call, to a checked address
    deciding.py   which days, which verdict   delivery.py  calls that are due
    rounds.py     one round, start to end     worker.py    rounds until told to stop
"""
