"""The `generate` stage: what trained SPFEM models make of clips they never saw."""
