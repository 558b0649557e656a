"""Three-dimensional face models: one interface, and a head that needs no licensed file."""
