"""Changing encrypted files: one value, the data key, the recipients; and how the time grows with the file."""

from __future__ import annotations

import os
import subprocess
from itertools import cycle
from typing import TYPE_CHECKING

import pyrage

from benchmarks.measure import OURS, Goal, case
from benchmarks.workshop import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workshop import Workshop


def _values(number: int) -> str:
    lines = "".join(f"  key{index:06}: value number {index}\n" for index in range(number))
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: large\nstringData:\n{lines}"


def _secret(shop: Workshop, name: str, text: str = SECRET) -> str:
    file = shop.write(name, text)
    shop.encrypt(file)
    return file


@case("set.cold", rounds=9)
def set_cold(shop: Workshop) -> dict[str, Callable[[], None]]:
    """One value of a Secret, one process."""
    file = _secret(shop, "secret.yaml")
    change = ["set", file, '["stringData"]["password"]', '"new"']
    return {OURS: lambda: shop.run([shop.ours, *change]), "sops": lambda: shop.run([shop.sops, *change])}


@case("set.large", rounds=3)
def set_large(shop: Workshop) -> dict[str, Callable[[], None]]:
    """One value of 10,000."""
    return _set_one(shop, 10_000)


def _set_one(shop: Workshop, number: int) -> dict[str, Callable[[], None]]:
    ours, theirs = (_secret(shop, f"{name}/large.yaml", _values(shop.count(number))) for name in ("ours", "sops"))
    value = iter(range(1000))

    def change(program: str, file: str) -> None:
        shop.run([program, "set", file, '["stringData"]["key000000"]', f'"{next(value)}"'])

    return {OURS: lambda: change(shop.ours, ours), "sops": lambda: change(shop.sops, theirs)}


@case("set.larger", rounds=1)
def set_larger(shop: Workshop) -> dict[str, Callable[[], None]]:
    """One value of 100,000: about ten times the time of `set.large`."""
    return _set_one(shop, 100_000)


@case("rotate.cold", rounds=9)
def rotate_cold(shop: Workshop) -> dict[str, Callable[[], None]]:
    """A Secret under a new data key, one process."""
    return _rotate(shop, SECRET)


@case("rotate.large", rounds=3)
def rotate_large(shop: Workshop) -> dict[str, Callable[[], None]]:
    """10,000 values under a new data key."""
    return _rotate(shop, _values(shop.count(10_000)))


@case("rotate.larger", rounds=1)
def rotate_larger(shop: Workshop) -> dict[str, Callable[[], None]]:
    """100,000 values under a new data key: about ten times the time of `rotate.large`."""
    return _rotate(shop, _values(shop.count(100_000)))


def _rotate(shop: Workshop, text: str) -> dict[str, Callable[[], None]]:
    files = {name: _secret(shop, f"{name}/secret.yaml", text) for name in (OURS, "sops")}
    return {
        OURS: lambda: shop.run([shop.ours, "rotate", "-i", files[OURS]]),
        "sops": lambda: shop.run([shop.sops, "rotate", "-i", files["sops"]]),
    }


@case("rotate.many", rounds=1, goals=(Goal("sops", 1 / 20),))
def rotate_many(shop: Workshop) -> dict[str, Callable[[], None]]:
    """1,000 Secrets under new data keys: one call of ours, a loop of sops."""
    files = [shop.write(f"many/{number:04}.yaml", SECRET) for number in range(shop.count(1000))]
    shop.encrypt(*files)

    def loop() -> None:
        for file in files:
            shop.run([shop.sops, "rotate", "-i", file])

    return {OURS: lambda: shop.run([shop.ours, "rotate", "-i", "--quiet", *files]), "sops": loop}


@case("updatekeys.many", rounds=1, goals=(Goal("sops", 1 / 20),))
def updatekeys_many(shop: Workshop) -> dict[str, Callable[[], None]]:
    """1,000 Secrets for one more recipient: one call of ours, a loop of sops."""
    number = shop.count(1000)
    folders = {name: [shop.write(f"{name}/{i:04}.yaml", SECRET) for i in range(number)] for name in ("ours", "sops")}
    for files in folders.values():
        shop.encrypt(*files)
    added = pyrage.x25519.Identity.generate().to_public()
    shop.write(
        ".sops.yaml",
        f"creation_rules:\n  - age: {shop.recipient},{added}\n    encrypted_regex: ^(data|stringData)$\n",
    )

    def loop() -> None:
        for file in folders["sops"]:
            shop.run([shop.sops, "updatekeys", "-y", file], cwd=str(shop.folder))

    def once() -> None:
        shop.run([shop.ours, "updatekeys", "-y", "--quiet", *folders["ours"]], cwd=str(shop.folder))

    return {OURS: once, "sops": loop}


@case("updatekeys.cold", rounds=9)
def updatekeys_cold(shop: Workshop) -> dict[str, Callable[[], None]]:
    """One Secret, for one recipient more or less in turn, one process."""
    return _update(shop, SECRET)


@case("updatekeys.large", rounds=3)
def updatekeys_large(shop: Workshop) -> dict[str, Callable[[], None]]:
    """A file of 10,000 values, for one recipient more or less in turn."""
    return _update(shop, _values(shop.count(10_000)))


@case("updatekeys.larger", rounds=1)
def updatekeys_larger(shop: Workshop) -> dict[str, Callable[[], None]]:
    """A file of 100,000 values, for one recipient more or less in turn."""
    return _update(shop, _values(shop.count(100_000)))


def _update(shop: Workshop, text: str) -> dict[str, Callable[[], None]]:
    added = pyrage.x25519.Identity.generate().to_public()
    keys = {"more": f"{shop.recipient},{added}", "less": shop.recipient}
    configs = {
        name: shop.write(f"{name}/.sops.yaml", f"creation_rules:\n  - age: {value}\n") for name, value in keys.items()
    }

    def change(folder: str, *argv: str) -> Callable[[], None]:
        file = _secret(shop, f"{folder}/secret.yaml", text)
        turns = cycle(configs.values())
        return lambda: shop.run([*argv, "-y", file], cwd=os.path.dirname(next(turns)))

    # the data key stays, as in sops, which never makes a new one here
    ours = change("ours", shop.ours, "updatekeys", "--no-rotate", "--quiet")
    return {OURS: ours, "sops": change("sops", shop.sops, "updatekeys")}


@case("decrypt.larger", rounds=3, goals=(Goal("sops", 1 / 2.5),))
def larger(shop: Workshop) -> dict[str, Callable[[], None]]:
    """A file of 100,000 values: ten times the file of `decrypt.large`, so about ten times its time."""
    file = _secret(shop, "larger.yaml", _values(shop.count(100_000)))
    return {
        OURS: lambda: shop.run([shop.ours, "decrypt", file]),
        "sops": lambda: shop.run([shop.sops, "decrypt", file]),
    }


@case("memory.large", rounds=1)
def memory(shop: Workshop) -> dict[str, Callable[[], None]]:
    """Peak memory for 100,000 values, in MiB, printed instead of timed."""
    file = _secret(shop, "larger.yaml", _values(shop.count(100_000)))

    def peak(program: str) -> None:
        process = subprocess.Popen([program, "decrypt", file], stdout=subprocess.DEVNULL, env=shop.env)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        print(f"  {os.path.basename(program)}: {usage.ru_maxrss / 1024:.0f} MiB")

    return {OURS: lambda: peak(shop.ours), "sops": lambda: peak(shop.sops)}
