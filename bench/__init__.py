"""Measurements, each a program of its own: `python -m bench` runs them all, `python -m bench.throughput` one.

They print tables and judge nothing: a figure from a busy machine says more about the machine.
"""
