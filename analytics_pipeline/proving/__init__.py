"""The proof that a report follows from committed contributions: circuit, witness, prover, set-up.

Belongs here: everything that needs exact contributions or a prover. What a verifier needs of the
statement (poles, challenge, figure sum) is in `core.statement`.
"""
