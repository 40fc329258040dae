"""The registry contract: embedded or remote chain, reading evidence, publishing records."""
