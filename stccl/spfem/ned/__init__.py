"""NED: an expression manipulator on 3DMM coefficients, then a neural face renderer."""
