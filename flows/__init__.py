"""How the stages are run: plainly, or as Prefect flows."""
