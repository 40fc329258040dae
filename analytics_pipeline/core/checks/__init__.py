"""What single checks of `core.verify` decide: pure functions that raise one named error each."""
