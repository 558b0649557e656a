"""The tables between the stages: schemas, deterministic writing, checked reading, PNG frames."""
