"""The read API: released figures with their errors, budgets and proofs, and the dashboard's files.

Belongs here: HTTP over what is published. Every figure comes from a bundle that was fetched by its
CID and verified as a stranger would; nobody need trust this process with more than being there.
Does not belong here: anything that is not public, but for the operator's counts
(`routes.operations`); this process holds no key that opens an event, a segment or the warehouse.
"""
