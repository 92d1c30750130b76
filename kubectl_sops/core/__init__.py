"""The cryptographic format: pure functions over leaves, values and metadata.

Nothing here touches files, the environment, the clock, the network or a process: randomness, time and bytes are
arguments. The format itself is documented in ``docs/format.md``.
"""
