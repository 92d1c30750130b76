"""``decrypt``: one file from a cold start, many files, a large file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import OURS, Goal, case
from benchmarks.workshop import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workshop import Workshop

_FLOOR = "import yaml, pyrage; from cryptography.hazmat.primitives.ciphers.aead import AESGCM"


@case("decrypt.cold", rounds=21, goals=(Goal("python", 1.25),))
def cold(shop: Workshop) -> dict[str, Callable[[], None]]:
    """A Secret of 17 lines, one process."""
    file = shop.write("secret.yaml", SECRET)
    shop.encrypt(file)
    return {
        OURS: lambda: shop.run([shop.ours, "decrypt", file]),
        "sops": lambda: shop.run([shop.sops, "decrypt", file]),
        "python": lambda: shop.run([shop.python, "-c", _FLOOR]),
    }


@case("decrypt.many", rounds=3, goals=(Goal("sops", 1 / 20),))
def many(shop: Workshop) -> dict[str, Callable[[], None]]:
    """1,000 Secrets: one call of ours, a loop of sops."""
    files = [shop.write(f"many/{number:04}.yaml", SECRET) for number in range(shop.count(1000))]
    shop.encrypt(*files)

    def loop() -> None:
        for file in files:
            shop.run([shop.sops, "decrypt", file])

    return {OURS: lambda: shop.run([shop.ours, "decrypt", *files]), "sops": loop}


@case("decrypt.large", rounds=7, goals=(Goal("sops", 1 / 2.5),))
def large(shop: Workshop) -> dict[str, Callable[[], None]]:
    """A file of 10,000 values."""
    values = "".join(f"  key{number:05}: value number {number}\n" for number in range(shop.count(10_000)))
    file = shop.write("large.yaml", f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: large\nstringData:\n{values}")
    shop.encrypt(file)
    return {
        OURS: lambda: shop.run([shop.ours, "decrypt", file]),
        "sops": lambda: shop.run([shop.sops, "decrypt", file]),
    }
