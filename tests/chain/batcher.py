"""A contract that makes several calls in one transaction, assembled by hand."""


def batcher_runtime() -> bytes:
    """EVM code: word 0 is the target, then (length word, bytes)*; call each, pass errors on."""
    ops: list[str | tuple[str, str]] = [
        "6020",  # offset
        ("label", "loop"),
        "36",
        "81",
        "10",
        "15",  # ISZERO(offset < CALLDATASIZE)
        ("jumpi", "end"),
        "80",
        "35",  # offset, length
        "81",
        "6020",
        "01",  # offset, length, start
        "81",
        "81",
        "5f",
        "37",  # CALLDATACOPY(0, start, length)
        "5f",
        "5f",  # out
        "83",
        "5f",  # in: DUP length, 0
        "5f",  # value
        "5f",
        "35",  # target
        "5a",
        "f1",  # CALL -> offset, length, start, ok
        ("jumpi", "next"),
        "3d",
        "5f",
        "5f",
        "3e",
        "3d",
        "5f",
        "fd",  # bubble up
        ("label", "next"),
        "01",  # length + start
        "90",
        "50",  # new offset
        ("jump", "loop"),
        ("label", "end"),
        "00",
    ]
    labels: dict[str, int] = {}
    for _ in range(2):
        code = bytearray()
        for op in ops:
            if isinstance(op, str):
                code += bytes.fromhex(op)
            elif op[0] == "label":
                labels[op[1]] = len(code)
                code += b"\x5b"
            else:
                code += bytes([0x60, labels.get(op[1], 0), 0x57 if op[0] == "jumpi" else 0x56])
    return bytes(code)
