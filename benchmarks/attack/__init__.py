"""Attacks on releases: how much of a viewer-day can really be learnt, against what is promised.

    days            worst-case neighbouring days, as events
    tallies         the real models turn them into tallies, under the policy's bounds or others
    noise           releases' noise, drawn by the real sampler, on all cores
    bounds          what counts of right guesses prove about ε, with confidence
    game            in or out: the attacker's guesses, metric by metric and of whole releases
    builds          pipelines broken on purpose, each of which must be caught
    reconstruction  which video, for how long, until where
    utility         what the same noise leaves of the figures

``python -m benchmarks.attack`` runs them all; docs/attack.md explains them.
"""
