"""The `judge` stage: how good the clips are that SPFEM models made."""
